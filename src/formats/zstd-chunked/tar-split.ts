/**
 * tar-split: all of a tar but the content of its files, so that readers who have the files can make the tar again.
 * Source: vbatts/tar-split tar/asm/disassemble.go, tar/storage/entry.go.
 */
import { AccelError } from '../../errors/accel-error.ts'
import { Crc64 } from './crc64.ts'
import { MAX_TAR_SPLIT_SIZE } from './layout.ts'
import { Packer, type Packed } from './packed.ts'

const FILE = 1
const SEGMENT = 2
/** Bytes behind the two zero blocks are cut into pieces of at most so many. */
const LARGEST_SEGMENT = 1024 * 1024

/** A record: bytes of the tar, or a file in their midst. */
export type TarSplitRecord =
  | { type: 'segment'; bytes: Uint8Array }
  | {
      type: 'file'
      name: string
      size: number
      /** Base64 of the CRC-64; absent where there is no content. */ crc?: string
    }

/**
 * Collects the tar-split of a tar as it is written: for each entry `header`, its content by `content`, in all as many
 * bytes as said; at the end `end`. One header to a segment: containers/storage parses but one.
 */
export class TarSplitBuilder {
  readonly #packer: Packer
  #position = 0
  #padding: Uint8Array = new Uint8Array(0)
  #file: { name: string; size: number; left: number; crc: Crc64 } | undefined = undefined

  constructor(level: number) {
    this.#packer = new Packer(level)
  }

  /** It is larger than can be held, or than readers take; it is not to be used. */
  get tooLarge(): boolean {
    return this.#packer.size > MAX_TAR_SPLIT_SIZE
  }

  /** The header blocks of an entry whose content has `size` bytes, and its name as the tar has it. */
  header(blocks: Uint8Array, name: string, size: number): void {
    if (this.tooLarge) return
    this.#segment([this.#padding, blocks])
    this.#padding = new Uint8Array(0)
    if (size === 0) this.#record({ type: FILE, name, payload: null })
    else this.#file = { name, size, left: size, crc: new Crc64() }
  }

  /** Content of the entry; `padding` is what follows its last byte. */
  content(bytes: Uint8Array, padding: Uint8Array): void {
    const file = this.#file
    if (file === undefined) return
    file.crc.update(bytes)
    file.left -= bytes.length
    if (file.left > 0) return
    const payload = Buffer.from(file.crc.digest()).toString('base64')
    this.#record({ type: FILE, name: file.name, size: file.size, payload })
    this.#file = undefined
    this.#padding = padding
  }

  /** The tar ends in `zeros` bytes of zero. */
  end(zeros: number): Packed {
    const blocks = Math.min(zeros, 1024)
    this.#segment([this.#padding, new Uint8Array(blocks)])
    for (let left = zeros - blocks; left > 0; left -= LARGEST_SEGMENT) {
      this.#segment([new Uint8Array(Math.min(left, LARGEST_SEGMENT))])
    }
    return this.#packer.finish()
  }

  /** Gives up. */
  close(): void {
    this.#packer.close()
  }

  #segment(pieces: readonly Uint8Array[]): void {
    const bytes = Buffer.concat(pieces)
    if (bytes.length > 0) this.#record({ type: SEGMENT, payload: bytes.toString('base64') })
  }

  #record(record: object): void {
    this.#packer.add(Buffer.from(`${JSON.stringify({ ...record, position: this.#position++ })}\n`))
  }
}

/** Reads a tar-split, decompressed. Throws FORMAT_INVALID; `offset` there is the number of the record. */
export function parseTarSplit(text: Uint8Array, what: string): TarSplitRecord[] {
  const lines = Buffer.from(text.buffer, text.byteOffset, text.length)
    .toString()
    .split('\n')
    .filter((line) => line.trim() !== '')
  return lines.map((line, number) => {
    const record = parseRecord(line, number)
    if (typeof record !== 'string') return record
    const format = 'tar-split'
    throw new AccelError('FORMAT_INVALID', { what, format, offset: number, problem: record })
  })
}

function parseRecord(line: string, number: number): TarSplitRecord | string {
  let raw: Record<string, unknown> | null
  try {
    raw = JSON.parse(line) as Record<string, unknown> | null
  } catch (error) {
    return (error as Error).message
  }
  if (raw === null || typeof raw !== 'object') return 'a record is no object'
  const { type, payload, size = 0, position } = raw
  if (position !== number) return `it has the position ${String(position)}`
  const text = typeof payload === 'string' ? payload : undefined
  if (type === SEGMENT) {
    if (text === undefined) return 'a segment has no payload'
    return { type: 'segment', bytes: Buffer.from(text, 'base64') }
  }
  if (type !== FILE) return `it has the type ${String(type)}`
  if (!(Number.isSafeInteger(size) && (size as number) >= 0)) return 'a file has no size'
  const name =
    typeof raw['name_raw'] === 'string'
      ? Buffer.from(raw['name_raw'], 'base64').toString()
      : raw['name']
  if (typeof name !== 'string') return 'a file has no name'
  const crc = text === undefined ? {} : { crc: text }
  return { type: 'file', name, size: size as number, ...crc }
}
