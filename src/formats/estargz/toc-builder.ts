import assert from 'node:assert/strict'
import type { TarEntry } from '../tar/entry.ts'
import { CHUNK_DIGEST_FROM_END, DIGEST_FROM_END, TocRows, type ChunkText } from './toc-row.ts'
import { TOC_VERSION, type TocEntry } from './toc.ts'

const BLOCK_SIZE = 1024 * 1024
/** A row's position is block × STRIDE + offset; no row is longer than the tar reader's limits let it be, 1.2 MB. */
const STRIDE = 2 * 1024 * 1024

const NO_MEMBER = -1
/** The row's file has one chunk, so its digest is that of the chunk. */
const SINGLE = 1
const CHUNK = 2
const REMOVED = 4

/** Names a row that has an entry, in the order in which they were added. */
export type Row = number

/**
 * Collects the rows of a TOC as text, so that a layer of 200,000 files takes 60 MB and no objects. Digests are put
 * in when they are known; offsets when the text is given out, after the members are written.
 */
export class TocBuilder {
  readonly #rows = new TocRows()
  readonly #blocks: Buffer[] = []
  #blockUsed = 0
  readonly #position: number[] = []
  readonly #length: number[] = []
  readonly #member: number[] = []
  readonly #flags: number[] = []
  readonly #replaced = new Map<Row, string>()

  /** Adds the row of `entry`, which has no content. `extra`: more of the row as text, each with a comma before it. */
  add(entry: TarEntry, extra = ''): Row {
    return this.#fill(this.reserve(), this.#rows.entry(entry, undefined, extra), NO_MEMBER, 0)
  }

  /** Adds a row for a file with content, of which `addFile` says more before any other row is added. */
  reserve(): Row {
    this.#position.push(0)
    this.#length.push(0)
    this.#member.push(NO_MEMBER)
    this.#flags.push(0)
    return this.#position.length - 1
  }

  /** Fills the row that was reserved for `entry`; `first` describes its first chunk, in member `member`. */
  addFile(
    row: Row,
    entry: TarEntry,
    first: ChunkText & { member: number; single: boolean },
    extra = '',
  ): void {
    const text = this.#rows.entry(entry, first, extra)
    this.#fill(row, text, first.member, first.single ? SINGLE : 0)
  }

  /** Adds the row of a further chunk of the file added last. */
  addChunk(name: string, chunkOffset: number, chunk: ChunkText & { member: number }): Row {
    const text = this.#rows.chunk(name, chunkOffset, chunk)
    return this.#fill(this.reserve(), text, chunk.member, CHUNK)
  }

  /** Says the digest, 64 hex digits, of the chunk of a row; of its whole file where it is the only one. */
  setChunkDigest(row: Row, hex: string): void {
    this.#write(row, CHUNK_DIGEST_FROM_END, hex)
    if (this.#flags[row]! & SINGLE) this.#write(row, DIGEST_FROM_END, hex)
  }

  /** Says the digest of the whole file of a row. */
  setDigest(row: Row, hex: string): void {
    this.#write(row, DIGEST_FROM_END, hex)
  }

  /** Takes a row out, with the chunks behind it. */
  remove(row: Row): void {
    this.#flags[row]! |= REMOVED
    for (let i = row + 1; this.#flags[i]! & CHUNK; i++) this.#flags[i]! |= REMOVED
  }

  /** Changes members of a row, and the name of its chunks. Only after all digests are known. */
  change(row: Row, change: Partial<Pick<TocEntry, 'name' | 'linkName'>>): void {
    for (let i = row; i === row || this.#flags[i]! & CHUNK; i++) {
      const old = JSON.parse(this.#closed(i, 0)) as TocEntry
      const { offset: _, ...rest } = { ...old, ...change }
      const text = JSON.stringify(rest).slice(0, -1)
      this.#replaced.set(i, this.#member[i] === NO_MEMBER ? `${text}}` : `${text},"offset":`)
    }
  }

  /** Bytes of the JSON, once `offsets` says where each member begins. */
  size(offsets: readonly number[], extra = ''): number {
    let size = 0
    for (const piece of this.pieces(offsets, extra)) size += piece.length
    return size
  }

  /**
   * The JSON in pieces, each valid until the next. Ends without a line feed: readers digest what their parser takes.
   * `extra`: more of the document as text, each with a comma before it.
   */
  *pieces(offsets: readonly number[], extra = ''): Generator<Buffer> {
    yield Buffer.from(`{"version":${TOC_VERSION},"entries":[`)
    const out = Buffer.allocUnsafeSlow(2 * STRIDE)
    let used = 0
    let first = true
    for (let row = 0; row < this.#position.length; row++) {
      if (this.#flags[row]! & REMOVED) continue
      const replaced = this.#replaced.get(row)
      const length = replaced === undefined ? this.#length[row]! : Buffer.byteLength(replaced)
      if (used + length + 32 > out.length) {
        yield out.subarray(0, used)
        used = 0
      }
      if (!first) out[used++] = 0x2c
      first = false
      if (replaced === undefined) used += this.#copy(row, out, used)
      else used += out.write(replaced, used)
      const member = this.#member[row]!
      if (member !== NO_MEMBER) used += out.write(`${offsets[member]!}}`, used, 'latin1')
    }
    yield out.subarray(0, used)
    yield Buffer.from(`]${extra}}`)
  }

  #fill(row: Row, text: string, member: number, flags: number): Row {
    let block = this.#blocks.at(-1)
    // A UTF-16 unit takes at most three bytes.
    let length = text.length * 3
    if (block === undefined || this.#blockUsed + length > block.length) {
      length = Buffer.byteLength(text)
      assert(length <= STRIDE)
      if (block === undefined || this.#blockUsed + length > block.length) {
        block = Buffer.allocUnsafeSlow(Math.max(BLOCK_SIZE, length))
        this.#blocks.push(block)
        this.#blockUsed = 0
      }
    }
    const written = block.write(text, this.#blockUsed)
    this.#position[row] = (this.#blocks.length - 1) * STRIDE + this.#blockUsed
    this.#length[row] = written
    this.#member[row] = member
    this.#flags[row] = flags
    this.#blockUsed += written
    return row
  }

  #copy(row: Row, target: Buffer, at: number): number {
    const position = this.#position[row]!
    const offset = position % STRIDE
    return this.#blocks[(position - offset) / STRIDE]!.copy(
      target,
      at,
      offset,
      offset + this.#length[row]!,
    )
  }

  #write(row: Row, fromEnd: number, text: string): void {
    const position = this.#position[row]!
    const offset = position % STRIDE
    const block = this.#blocks[(position - offset) / STRIDE]!
    block.write(text, offset + this.#length[row]! - fromEnd, 'latin1')
  }

  /** The text of a row as complete JSON. */
  #closed(row: Row, offset: number): string {
    const replaced = this.#replaced.get(row)
    let text = replaced
    if (text === undefined) {
      const bytes = Buffer.alloc(this.#length[row]!)
      this.#copy(row, bytes, 0)
      text = bytes.toString()
    }
    return this.#member[row] === NO_MEMBER ? text : `${text}${offset}}`
  }
}
