import { isAccelError } from '../errors/accel-error.ts'
import type { TarEntry, TarEvent } from '../formats/tar/entry.ts'
import { baseName, cleanPath } from '../formats/tar/path.ts'
import { ELF_MAGIC } from '../trace/elf/layout.ts'
import { readElf, type ElfFile } from '../trace/elf/read.ts'
import type { Wait } from '../threads/batch-host.ts'

/** What is kept of a file, so that it can be told what a program needs to start when its layer is gone. */
export interface KeptFile {
  /** Its first bytes, or all of it where it is small and says where libraries are. */
  head: Uint8Array
  /** Of programs and libraries. */
  elf?: ElfFile
}

/** Bytes of a first line that the kernel reads. Source: BINPRM_BUF_SIZE of Linux. */
const HEAD = 256
/** Files that say where libraries are. */
const LOADER_FILE = /^etc\/(?:ld\.so\.conf$|ld\.so\.conf\.d\/|ld-musl-.*\.path$)/
const MAX_LOADER_FILE = 64 * 1024
/** Larger programs are not looked into; the largest that many images have, of Node.js, has 120 MB. */
const MAX_PROGRAM = 160 * 1024 * 1024
const EXECUTABLE = 0o111

/** The file whose content comes. */
interface OpenFile {
  path: string
  size: number
  /** Bytes that came, and how many are kept until it ends. */
  filled: number
  wanted: number
}

/**
 * Keeps what is needed of the files of a tar, as they come. Memory: the largest program, as long as the layer is read, and
 * 256 bytes for each.
 */
export class FileKeeper {
  readonly files = new Map<string, KeptFile>()
  #buffer = Buffer.alloc(0)
  #open: OpenFile | undefined = undefined

  /** Takes each event of a TarReader; what it points to may change once the wait is over. */
  take(event: TarEvent): Wait {
    if (event.type === 'entry') this.#begin(event.entry)
    if (event.type !== 'data' || this.#open === undefined) return undefined
    const open = this.#open
    this.#add(open, event.bytes)
    if (open.filled < open.wanted) return undefined
    this.#open = undefined
    return this.#keep(open.path, this.#buffer.subarray(0, open.wanted), open.size)
  }

  #begin({ type, name, size, mode }: TarEntry): void {
    this.#open = undefined
    if (type !== 'file' || size === 0) return
    const path = cleanPath(name)
    const program = (mode & EXECUTABLE) !== 0 || baseName(path).includes('.so')
    if (program) this.#open = { path, size, filled: 0, wanted: Math.min(size, MAX_PROGRAM) }
    else if (LOADER_FILE.test(path)) {
      this.#open = { path, size, filled: 0, wanted: Math.min(size, MAX_LOADER_FILE) }
    }
  }

  #add(open: OpenFile, bytes: Uint8Array): void {
    const rest = bytes.subarray(0, open.wanted - open.filled)
    const needed = open.filled + rest.length
    if (needed > this.#buffer.length) {
      // all of it at once: what is let go of is collected late
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, open.filled === 0 ? 0 : open.wanted))
      this.#buffer.copy(grown, 0, 0, open.filled)
      this.#buffer = grown
    }
    this.#buffer.set(rest, open.filled)
    open.filled = needed
    if (open.filled < ELF_MAGIC.length || LOADER_FILE.test(open.path)) return
    const isElf = Buffer.compare(this.#buffer.subarray(0, ELF_MAGIC.length), ELF_MAGIC) === 0
    if (!isElf) open.wanted = Math.min(open.wanted, HEAD)
  }

  async #keep(path: string, bytes: Uint8Array, size: number): Promise<void> {
    const whole = LOADER_FILE.test(path) ? bytes.length : HEAD
    const kept: KeptFile = { head: Uint8Array.from(bytes.subarray(0, whole)) }
    const elf = await readProgram(bytes, size, path)
    if (elf !== undefined) kept.elf = elf
    this.files.set(path, kept)
  }
}

/** Undefined for what is no program, and for what is damaged: that is found again, and told, by who needs it. */
async function readProgram(
  bytes: Uint8Array,
  size: number,
  path: string,
): Promise<ElfFile | undefined> {
  const read = async (offset: number, length: number): Promise<Uint8Array> =>
    bytes.subarray(offset, offset + length)
  try {
    return bytes.length < size ? undefined : await readElf({ size, read }, path)
  } catch (error) {
    if (isAccelError(error)) return undefined
    throw error
  }
}
