import type {
  ContentEntry,
  DirectoryMetadata,
  LayerContent,
  LowerQuestion,
} from './layer-content.ts'
import { PathTable, type PathTableData } from '../bytes/path-table.ts'

/** What a path is by its own entry. `NOTHING`: it has none; it may be the directory of something all the same. */
export const KIND = { nothing: 0, directory: 1, symlink: 2, hardlink: 3, other: 4 } as const
export type Kind = (typeof KIND)[keyof typeof KIND]

const KIND_MASK = 0x07
const WHITEOUT = 0x08
const OPAQUE = 0x10
/** Something lies in it, so it is a directory even where it has no entry. */
const FILLED = 0x20

/** A table, as it crosses threads. */
export interface ContentTableData {
  paths: PathTableData
  flags: Uint8Array
  directories: Int32Array
  numbers: Float64Array
  xattrs: Map<number, ReadonlyMap<string, Uint8Array>>
}

/** Numbers of a directory's row: mode, uid, gid, mtime, nanoseconds. */
const ROW = 5

/** The memory of a table, to be moved to another thread. */
export function buffersOf({ paths, flags, directories, numbers }: ContentTableData): ArrayBuffer[] {
  return [paths.names, paths.ends, paths.slots, flags, directories, numbers].map(
    (column) => column.buffer as ArrayBuffer,
  )
}

/** What a layer has at its paths: collected while the layer is read, then asked by the layers above. */
export class ContentTable {
  readonly paths: PathTable
  #flags: Uint8Array
  /** Where a directory's row is; of others it means nothing. */
  #directories: Int32Array
  #numbers: Float64Array
  #rows: number
  readonly #xattrs: Map<number, ReadonlyMap<string, Uint8Array>>

  constructor(data?: ContentTableData) {
    this.paths = new PathTable(data?.paths)
    this.#flags = data?.flags ?? new Uint8Array(1024)
    this.#directories = data?.directories ?? new Int32Array(1024)
    this.#numbers = data?.numbers ?? new Float64Array(256 * ROW)
    this.#rows = this.#numbers.length / ROW
    this.#xattrs = data?.xattrs ?? new Map()
    if (data === undefined) this.#rows = 0
  }

  /** The number of `path`, added where it is new. */
  add(path: string): number {
    const number = this.paths.add(path)
    if (number >= this.#flags.length) {
      this.#flags = grown(this.#flags, Uint8Array)
      this.#directories = grown(this.#directories, Int32Array)
    }
    return number
  }

  kind(number: number): Kind {
    return number < 0 ? KIND.nothing : ((this.#flags[number]! & KIND_MASK) as Kind)
  }

  setKind(number: number, kind: Kind): void {
    this.#flags[number] = (this.#flags[number]! & ~KIND_MASK) | kind
  }

  /** Says that `number` is a directory with this metadata. */
  setDirectory(number: number, entry: DirectoryMetadata): void {
    this.setKind(number, KIND.directory)
    const row = this.#rows++
    if (this.#rows * ROW > this.#numbers.length) {
      this.#numbers = grown(this.#numbers, Float64Array)
    }
    const { mode, uid, gid, mtime, mtimeNanoseconds, xattrs } = entry
    this.#numbers.set([mode, uid, gid, mtime, mtimeNanoseconds], row * ROW)
    this.#directories[number] = row
    if (xattrs !== undefined && xattrs.size > 0) this.#xattrs.set(row, xattrs)
  }

  isWhiteout(number: number): boolean {
    return number >= 0 && (this.#flags[number]! & WHITEOUT) !== 0
  }

  setWhiteout(number: number, on: boolean): void {
    this.#set(number, WHITEOUT, on)
  }

  isOpaque(number: number): boolean {
    return number >= 0 && (this.#flags[number]! & OPAQUE) !== 0
  }

  setOpaque(number: number, on: boolean): void {
    this.#set(number, OPAQUE, on)
  }

  isFilled(number: number): boolean {
    return number >= 0 && (this.#flags[number]! & FILLED) !== 0
  }

  setFilled(number: number, on: boolean): void {
    this.#set(number, FILLED, on)
  }

  metadata(number: number): DirectoryMetadata {
    const row = this.#directories[number]!
    const [mode, uid, gid, mtime, mtimeNanoseconds] = this.#numbers.subarray(
      row * ROW,
      row * ROW + ROW,
    ) as unknown as [number, number, number, number, number]
    const xattrs = this.#xattrs.get(row)
    return { mode, uid, gid, mtime, mtimeNanoseconds, ...(xattrs ? { xattrs } : {}) }
  }

  /** The columns, cut to what they hold; the table must not be used after they are moved. */
  data(): ContentTableData {
    return {
      paths: this.paths.data(),
      flags: this.#flags.slice(0, this.paths.size),
      directories: this.#directories.slice(0, this.paths.size),
      numbers: this.#numbers.slice(0, this.#rows * ROW),
      xattrs: this.#xattrs,
    }
  }

  #set(number: number, flag: number, on: boolean): void {
    if (on) this.#flags[number]! |= flag
    else this.#flags[number]! &= ~flag
  }
}

function grown<Column extends Uint8Array | Int32Array | Float64Array>(
  old: Column,
  type: new (size: number) => Column,
): Column {
  const larger = new type(2 * old.length)
  larger.set(old)
  return larger
}

/** What the layers above may ask, and what the layer asks itself: plain data, which is kept on disk and crosses threads. */
export interface LayerContentData {
  table: ContentTableData
  questions: LowerQuestion[]
}

/** Of a layer that is not asked and does not ask. */
export function noContent(): LayerContentData {
  return { table: new ContentTable().data(), questions: [] }
}

/** What the layers above may ask, answered from a table. */
export function layerContent({ table: data, questions }: LayerContentData): LayerContent {
  const table = new ContentTable(data)
  return {
    at(path): ContentEntry | undefined {
      const number = table.paths.find(path)
      switch (table.kind(number)) {
        case KIND.directory:
          return { kind: 'directory', metadata: table.metadata(number) }
        case KIND.symlink:
          return { kind: 'symlink' }
        case KIND.hardlink:
        case KIND.other:
          return { kind: 'other' }
        case KIND.nothing:
          return table.isWhiteout(number) ? { kind: 'whiteout' } : undefined
      }
    },
    opaque: (path) => table.isOpaque(table.paths.find(path)),
    rootNames() {
      const names: string[] = []
      for (let number = 0; number < table.paths.size; number++) {
        const path = table.paths.path(number)
        if (path === '' || path.includes('/')) continue
        if (table.kind(number) !== KIND.nothing || table.isFilled(number)) names.push(path)
      }
      return names
    },
    questions,
  }
}
