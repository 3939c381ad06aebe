import { LayoutError, viewOf } from '../../bytes/layout.ts'
import { AccelError } from '../../errors/accel-error.ts'
import {
  DynamicTag,
  ELF_MAGIC,
  elfForm,
  ElfIdent,
  NO_DEFAULT_DIRECTORIES,
  SegmentType,
  type ElfForm,
  type ElfHeader,
  type ElfSegment,
} from './layout.ts'

/** What the loader of a program or library goes by. */
export interface ElfFile {
  /** 32 or 64. */
  bits: number
  /** Instruction set, as e_machine has it. */
  machine: number
  bigEndian: boolean
  /** The program that loads it, as stored; only programs have one. */
  interpreter: string | undefined
  /** Names of libraries, in order. */
  needed: readonly string[]
  /** Where they are looked for, as stored: directories with `:` between them. */
  rpath: string | undefined
  runpath: string | undefined
  /** Not in the default directories. */
  noDefaultDirectories: boolean
}

/** A file, by parts. */
export interface ElfSource {
  size: number
  read(offset: number, length: number): Promise<Uint8Array>
}

/** Limits of what is read; real files have a twentieth of these. */
const MAX_SEGMENTS = 1024
const MAX_DYNAMIC_SIZE = 1024 * 1024
const MAX_NEEDED = 4096
/** Bytes of a path or of a list of directories. */
const MAX_TEXT_SIZE = 16 * 1024

/**
 * Reads of an ELF file what its loader needs to find libraries: headers, the interpreter, the dynamic section and its
 * strings; undefined for a file that is none. Reads and keeps less than 1.2 MiB and the names.
 * Throws FORMAT_TRUNCATED, FORMAT_INVALID, FORMAT_LIMIT_EXCEEDED; `what` names the file.
 */
export async function readElf(source: ElfSource, what: string): Promise<ElfFile | undefined> {
  return new ElfReader(source, what).read()
}

class ElfReader {
  readonly #source: ElfSource
  readonly #what: string

  constructor(source: ElfSource, what: string) {
    this.#source = source
    this.#what = what
  }

  async read(): Promise<ElfFile | undefined> {
    if (this.#source.size < ElfIdent.size) return undefined
    const ident = ElfIdent.decode(viewOf(await this.#source.read(0, ElfIdent.size)), 0)
    if (Buffer.compare(ident.magic, ELF_MAGIC) !== 0) return undefined
    const form = elfForm(ident.class[0]!, ident.data[0]!)
    if (form === undefined) throw this.#invalid(4, 'its class and byte order are not known')
    const bytes = await this.#bytes(0, form.header.size, 'a header')
    const header = this.#decoded(0, () => form.header.decode(viewOf(bytes), 0))
    const segments = await this.#segments(form, header)
    const interpreter = segments.find(({ type }) => type === SegmentType.interpreter)
    return {
      bits: form.word.size * 8,
      machine: header.machine,
      bigEndian: ident.data[0] === 2,
      interpreter: interpreter && (await this.#interpreter(interpreter)),
      ...(await this.#dynamic(form, segments)),
    }
  }

  async #segments(form: ElfForm, header: ElfHeader): Promise<ElfSegment[]> {
    const { programHeaders, programHeaderSize, programHeaderCount } = header
    if (programHeaderCount === 0) return []
    if (programHeaderSize !== form.segment.size) {
      throw this.#invalid(0, `its program headers have ${programHeaderSize} bytes`)
    }
    this.#limit('segments', programHeaderCount, MAX_SEGMENTS)
    const size = programHeaderCount * programHeaderSize
    const view = viewOf(await this.#bytes(programHeaders, size, 'program headers'))
    return Array.from({ length: programHeaderCount }, (_, i) =>
      this.#decoded(programHeaders, () => form.segment.decode(view, i * programHeaderSize)),
    )
  }

  async #interpreter({ offset, fileSize }: ElfSegment): Promise<string> {
    this.#limit('the path of an interpreter, bytes', fileSize, MAX_TEXT_SIZE)
    return textOf(await this.#bytes(offset, fileSize, 'the path of its interpreter'))
  }

  async #dynamic(
    form: ElfForm,
    segments: readonly ElfSegment[],
  ): Promise<Pick<ElfFile, 'needed' | 'rpath' | 'runpath' | 'noDefaultDirectories'>> {
    const section = segments.find(({ type }) => type === SegmentType.dynamic)
    const values = section === undefined ? [] : await this.#entries(form, section)
    const first = (tag: number): number | undefined => values.find(([one]) => one === tag)?.[1]
    const needed = values.filter(([tag]) => tag === DynamicTag.needed)
    this.#limit('needed libraries', needed.length, MAX_NEEDED)
    const address = first(DynamicTag.stringTable)
    const size = first(DynamicTag.stringTableSize) ?? 0
    const strings = address === undefined ? undefined : this.#fileOffset(address, segments)
    const text = async (at: number): Promise<string> => {
      if (strings === undefined || !(at < size)) {
        throw this.#invalid(section!.offset, 'a name lies outside of its string table')
      }
      const start = strings + at
      const length = Math.min(MAX_TEXT_SIZE, size - at, this.#source.size - start)
      return textOf(await this.#bytes(start, length, 'a name in its string table'))
    }
    const names: string[] = []
    for (const [, at] of needed) names.push(await text(at))
    const [rpath, runpath] = [first(DynamicTag.rpath), first(DynamicTag.runpath)]
    const flags = first(DynamicTag.flags1) ?? 0
    return {
      needed: names,
      rpath: rpath === undefined ? undefined : await text(rpath),
      runpath: runpath === undefined ? undefined : await text(runpath),
      noDefaultDirectories: (flags & NO_DEFAULT_DIRECTORIES) !== 0,
    }
  }

  /** Tags and values up to the end mark. */
  async #entries(
    { word, dynamicSize }: ElfForm,
    { offset, fileSize }: ElfSegment,
  ): Promise<(readonly [tag: number, value: number])[]> {
    this.#limit('a dynamic section, bytes', fileSize, MAX_DYNAMIC_SIZE)
    const view = viewOf(await this.#bytes(offset, fileSize, 'a dynamic section'))
    const entries: (readonly [number, number])[] = []
    for (let at = 0; at + dynamicSize <= fileSize; at += dynamicSize) {
      const tag = word.get(view, at)
      if (tag === DynamicTag.end) break
      entries.push([tag, word.get(view, at + word.size)])
    }
    return entries
  }

  /** Where the byte that is at `address` in memory stands in the file. */
  #fileOffset(address: number, segments: readonly ElfSegment[]): number {
    const segment = segments.find(
      (one) =>
        one.type === SegmentType.load &&
        address >= one.address &&
        address < one.address + one.fileSize,
    )
    if (segment !== undefined) return segment.offset + address - segment.address
    throw this.#invalid(0, `its string table is at ${address}, where nothing is loaded`)
  }

  async #bytes(offset: number, length: number, expected: string): Promise<Uint8Array> {
    const { size } = this.#source
    if (length >= 0 && offset + length <= size) return this.#source.read(offset, length)
    throw new AccelError('FORMAT_TRUNCATED', {
      what: this.#what,
      format: 'ELF file',
      offset: size,
      expected: `${expected} at ${offset}`,
    })
  }

  #decoded<Value>(offset: number, decode: () => Value): Value {
    try {
      return decode()
    } catch (error) {
      if (!(error instanceof LayoutError)) throw error
      throw this.#invalid(offset + error.offset, error.message)
    }
  }

  #limit(limit: string, value: number, max: number): void {
    if (value <= max) return
    throw new AccelError('FORMAT_LIMIT_EXCEEDED', {
      what: this.#what,
      format: 'ELF file',
      limit,
      value,
      max,
    })
  }

  #invalid(offset: number, problem: string): AccelError {
    return new AccelError('FORMAT_INVALID', {
      what: this.#what,
      format: 'ELF file',
      offset,
      problem,
    })
  }
}

/** Up to the first NUL. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return Buffer.from(end === -1 ? bytes : bytes.subarray(0, end)).toString()
}
