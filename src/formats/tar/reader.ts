import assert from 'node:assert/strict'
import { AccelError } from '../../errors/accel-error.ts'
import { decodeEntry } from './decode-entry.ts'
import type { TarEntry, TarEvent } from './entry.ts'
import { BLOCK_SIZE, checkBlock, countAt, FIELD, textAt, textEnd } from './header.ts'
import type { Text } from './header.ts'
import { TAR_LIMITS } from './limits.ts'
import type { Fail, TarLimits } from './limits.ts'
import { decodePax, mergePax, PaxFields } from './pax.ts'
import {
  checkSparseMap,
  readGnuSparse,
  readGnuSparseBlock,
  SparseMapText,
  ZEROS,
} from './sparse.ts'
import type { SparseMap } from './sparse.ts'

/**
 * What the reader waits for:
 * - `header`: a header block of an entry, an extension, or zeros; at an entry boundary while `#entryOffset` is -1
 * - `extension`: the body of the extension header just read (`x`, `g`, `L`, `K`)
 * - `sparse-header`: a sparse header block of the old GNU format
 * - `sparse-map`: a block of the map of PAX sparse format 1.0
 * - `data`: content of the entry, holes included
 * - `padding`: the rest of the content's last block
 * - `trailer`: nothing more: two blocks of zeros were there
 * - `ended`: the `end` event was given
 */
type State =
  | 'header'
  | 'extension'
  | 'sparse-header'
  | 'sparse-map'
  | 'data'
  | 'padding'
  | 'trailer'
  | 'ended'

const EMPTY = new Uint8Array(0)
const X = 0x78
const G = 0x67
const L = 0x4c
const K = 0x4b

export interface TarReaderInit {
  /** Names the tar in messages: `harbor.example/app:1 layer 3 (sha256:…)`. */
  what: string
  /** Limits that differ from TAR_LIMITS. */
  limits?: Partial<TarLimits>
}

/**
 * Reads a tar, synchronously and in pieces of any size: `push` a piece, then call `next` until it returns
 * undefined; `end` after the last. The caller may stop between any two calls. Events are described at TarEvent.
 *
 * Reads v7, ustar, star, GNU and PAX headers, the GNU sparse formats old, 0.0, 0.1 and 1.0. A tar may end
 * at an entry boundary without its two blocks of zeros. What follows those two is ignored and counted.
 *
 * `data` events are views into the pushed piece (or shared zeros, for holes): a piece must stay unchanged until
 * `next` returned undefined. Memory: the header blocks of one entry (at most `limits.header`) and a sparse map.
 *
 * Throws FORMAT_TRUNCATED (ended inside an entry), FORMAT_INVALID, FORMAT_LIMIT_EXCEEDED; again at each later call.
 */
export class TarReader {
  readonly #what: string
  readonly #limits: TarLimits
  #state: State = 'header'
  #failure: unknown = undefined
  #pushedAll = false

  #piece: Uint8Array = EMPTY
  #at = 0
  /** Where `#piece` begins in the tar. */
  #pieceOffset = 0

  /** The header blocks of the entry under way, and behind them the block or body being read. */
  #header: Buffer = Buffer.allocUnsafeSlow(8 * BLOCK_SIZE)
  #headerLength = 0
  /** Bytes that `#header` must get before the state's work can be done. */
  #want = BLOCK_SIZE
  #blockStart = 0
  #zeroBlocks = 0

  #entryOffset = -1
  #entry: TarEntry | undefined = undefined
  #entryName = ''
  #extension = 0
  #extensionSize = 0
  #local: PaxFields | undefined = undefined
  #global: PaxFields | undefined = undefined
  #globalSize = 0
  #longName: Text | undefined = undefined
  #longLink: Text | undefined = undefined

  /** Bytes of the entry that are stored and not yet delivered, and where the next belongs in the file. */
  #stored = 0
  #padding = 0
  #sparse: SparseMap | undefined = undefined
  #mapText: SparseMapText | undefined = undefined
  #extent = 0
  #position = 0
  #holes = 0
  #trailing = 0

  constructor(init: TarReaderInit) {
    this.#what = init.what
    this.#limits = { ...TAR_LIMITS, ...init.limits }
  }

  /** Bytes of the tar that were read. */
  get offset(): number {
    return this.#pieceOffset + this.#at
  }

  /** Bytes seen behind the two blocks of zeros that end a tar; they mean nothing. */
  get trailing(): number {
    return this.#trailing
  }

  /** Gives the next piece. Only before the first `next`, or after `next` returned undefined. */
  push(bytes: Uint8Array): void {
    assert(!this.#pushedAll, 'TarReader.push after end')
    assert(this.#at === this.#piece.length, 'TarReader.push before the last piece was read')
    this.#pieceOffset += this.#piece.length
    this.#piece = bytes
    this.#at = 0
  }

  /** Says that there are no more pieces: `next` gives what is left, then `end`. */
  end(): void {
    this.#pushedAll = true
  }

  /** The next event; undefined when another piece or `end()` is needed, and after the `end` event. */
  next(): TarEvent | undefined {
    if (this.#failure !== undefined) throw this.#failure
    try {
      return this.#next()
    } catch (error) {
      this.#failure = error
      throw error
    }
  }

  #next(): TarEvent | undefined {
    for (;;) {
      let event: TarEvent | undefined
      switch (this.#state) {
        case 'header':
          if (!this.#fill()) return this.#starved()
          event = this.#headerBlock()
          break
        case 'extension':
          if (!this.#fill()) return this.#starved()
          this.#extensionBody()
          break
        case 'sparse-header':
          if (!this.#fill()) return this.#starved()
          event = this.#sparseHeader()
          break
        case 'sparse-map':
          if (!this.#fill()) return this.#starved()
          event = this.#sparseMap()
          break
        case 'data':
          event = this.#sparse === undefined ? this.#data() : this.#sparseData(this.#sparse)
          if (event === undefined && this.#state === 'data') return this.#starved()
          break
        case 'padding':
          if (!this.#skipPadding()) return this.#starved()
          break
        case 'trailer':
          this.#trailing += this.#piece.length - this.#at
          this.#at = this.#piece.length
          if (!this.#pushedAll) return undefined
          this.#state = 'ended'
          return { type: 'end' }
        case 'ended':
          return undefined
      }
      if (event !== undefined) return event
    }
  }

  /** Moves bytes of the piece behind `#header` until `#want` are there. */
  #fill(): boolean {
    const length = Math.min(this.#want, this.#piece.length - this.#at)
    if (length > 0) {
      this.#reserve(this.#headerLength + this.#want)
      this.#header.set(this.#piece.subarray(this.#at, this.#at + length), this.#headerLength)
      this.#headerLength += length
      this.#at += length
      this.#want -= length
    }
    return this.#want === 0
  }

  #reserve(size: number): void {
    if (size <= this.#header.length) return
    if (size > this.#limits.header)
      this.#exceeded('header blocks of one entry, bytes', size, this.#limits.header)
    const larger = Buffer.allocUnsafeSlow(Math.max(size, 2 * this.#header.length))
    larger.set(this.#header.subarray(0, this.#headerLength))
    this.#header = larger
  }

  /** The next record begins behind what `#header` holds. */
  #expect(state: State, size: number): void {
    this.#state = state
    this.#blockStart = this.#headerLength
    this.#want = size
  }

  /** There are no bytes left: asks for more, or, when there are none, decides how the tar ended. */
  #starved(): TarEvent | undefined {
    if (!this.#pushedAll) return undefined
    const boundary = this.#state === 'header' && this.#entryOffset < 0 && this.#want === BLOCK_SIZE
    if (!boundary) {
      throw new AccelError('FORMAT_TRUNCATED', {
        what: this.#what,
        format: 'tar',
        offset: this.offset,
        expected: this.#missing(),
      })
    }
    this.#state = 'trailer'
    return this.#next()
  }

  #missing(): string {
    const name = JSON.stringify(this.#entryName)
    switch (this.#state) {
      case 'data':
        return `${this.#stored} more bytes of ${name}`
      case 'padding':
        return `${this.#padding} bytes of padding after ${name}`
      case 'sparse-map':
      case 'sparse-header':
        return `the sparse map of ${name}`
      case 'extension':
        return `${this.#want} more bytes of the extension header ${shown(this.#extension)}`
      default:
        return this.#want < BLOCK_SIZE
          ? `${this.#want} more bytes of a header`
          : 'the header of an entry'
    }
  }

  /** A block is at `#blockStart`. */
  #headerBlock(): TarEvent | undefined {
    const at = this.#blockStart
    const state = checkBlock(this.#header, at)
    if (state === 'zero') return this.#zeroBlock()
    const fail = this.#failAt(this.offset - BLOCK_SIZE)
    if (state === 'bad') fail(FIELD.chksum[0], 'the checksum of a header is wrong')
    if (this.#zeroBlocks > 0) fail(0, 'a block of zeros is followed by a header')
    const typeflag = this.#header[at + FIELD.typeflag[0]]!
    if (typeflag !== G && this.#entryOffset < 0) this.#entryOffset = this.offset - BLOCK_SIZE
    if (typeflag === X || typeflag === G || typeflag === L || typeflag === K) {
      const size = countAt(this.#header, at, 'size', fail)
      const max = this.#limits.extensionHeader
      if (size > max) this.#exceeded(`an extension header ${shown(typeflag)}, bytes`, size, max)
      this.#extension = typeflag
      this.#extensionSize = size
      if (size === 0) this.#extensionBody()
      else this.#expect('extension', size + padding(size))
      return undefined
    }
    return this.#ownHeader(fail)
  }

  #zeroBlock(): undefined {
    if (this.#entryOffset >= 0) {
      this.#failAt(this.offset - BLOCK_SIZE)(0, 'an extension header is followed by no entry')
    }
    this.#headerLength = 0
    this.#expect('header', BLOCK_SIZE)
    if (++this.#zeroBlocks === 2) this.#state = 'trailer'
  }

  /** The body of an extension header is at `#blockStart`. */
  #extensionBody(): void {
    const start = this.#blockStart
    const end = start + this.#extensionSize
    switch (this.#extension) {
      case X:
        this.#local ??= new PaxFields()
        this.#records(start, end, this.#local)
        break
      case G:
        this.#globalSize += this.#extensionSize
        if (this.#globalSize > this.#limits.extensionHeader) {
          this.#exceeded(
            'global PAX records, bytes',
            this.#globalSize,
            this.#limits.extensionHeader,
          )
        }
        this.#global ??= new PaxFields()
        this.#records(start, end, this.#global)
        if (this.#global.sparse !== undefined) {
          this.#failAt(this.offset)(0, 'a global PAX header has a sparse map')
        }
        // Not part of any entry's blocks.
        this.#headerLength = start - BLOCK_SIZE
        break
      case L:
        this.#longName = textAt(this.#header, start, textEnd(this.#header, start, end - start))
        break
      case K:
        this.#longLink = textAt(this.#header, start, textEnd(this.#header, start, end - start))
        break
    }
    this.#expect('header', BLOCK_SIZE)
  }

  #records(start: number, end: number, fields: PaxFields): void {
    decodePax(this.#header, start, end, fields, {
      maxSparseNumbers: 2 * this.#limits.sparseExtents,
      fail: this.#failAt(this.offset - (this.#headerLength - start)),
      tooManyExtents: this.#tooManyExtents,
    })
  }

  /** The entry's own header is at `#blockStart`. */
  #ownHeader(fail: Fail): TarEvent | undefined {
    const start = this.#blockStart
    const merged = this.#global === undefined ? undefined : mergePax(this.#global, this.#local)
    const { entry, stored, sparse } = decodeEntry(
      this.#header,
      start,
      {
        fields: merged?.fields ?? this.#local,
        fromGlobal: merged?.fromGlobal ?? false,
        longName: this.#longName,
        longLink: this.#longLink,
        offset: this.#entryOffset,
      },
      fail,
    )
    this.#checkLengths(entry)
    this.#entry = entry
    this.#stored = stored
    this.#padding = padding(stored)
    switch (sparse) {
      case 'none':
        return this.#begin()
      case 'gnu': {
        this.#sparse = { extents: [], size: 0 }
        const more = readGnuSparse(this.#header, start, this.#sparse, fail)
        return this.#afterSparseHeader(more)
      }
      case 'pax-0':
        this.#sparse = { extents: this.#local?.sparse?.map ?? [], size: entry.size }
        return this.#begin()
      case 'pax-1':
        this.#sparse = { extents: [], size: entry.size }
        this.#mapText = new SparseMapText(this.#limits.sparseExtents, this.#tooManyExtents)
        this.#mapBlock()
        return undefined
    }
  }

  #checkLengths(entry: TarEntry): void {
    const max = this.#limits.name
    // A character has at most three bytes a UTF-16 unit.
    for (const name of [entry.name, entry.linkname]) {
      if (name.length * 3 <= max) continue
      const length = Buffer.byteLength(name)
      if (length > max) this.#exceeded('a name, bytes', length, max)
    }
    if (entry.xattrs === undefined) return
    let size = 0
    for (const [name, value] of entry.xattrs) size += name.length + value.length
    if (size > this.#limits.xattrs) {
      this.#exceeded(
        `the extended attributes of ${JSON.stringify(entry.name)}, bytes`,
        size,
        this.#limits.xattrs,
      )
    }
  }

  #sparseHeader(): TarEvent | undefined {
    const fail = this.#failAt(this.offset - BLOCK_SIZE)
    return this.#afterSparseHeader(
      readGnuSparseBlock(this.#header, this.#blockStart, this.#sparse!, fail),
    )
  }

  #afterSparseHeader(more: boolean): TarEvent | undefined {
    const count = this.#sparse!.extents.length / 2
    if (count > this.#limits.sparseExtents) this.#tooManyExtents(count)
    if (more) {
      this.#expect('sparse-header', BLOCK_SIZE)
      return undefined
    }
    this.#entry!.size = this.#sparse!.size
    return this.#begin()
  }

  /** A block of the map of PAX sparse format 1.0 is next; it counts as stored content. */
  #mapBlock(): void {
    if (this.#stored < BLOCK_SIZE)
      this.#failAt(this.offset)(0, 'its sparse map is longer than its content')
    this.#expect('sparse-map', BLOCK_SIZE)
  }

  #sparseMap(): TarEvent | undefined {
    const fail = this.#failAt(this.offset - BLOCK_SIZE)
    const complete = this.#mapText!.block(this.#header, this.#blockStart, fail)
    this.#stored -= BLOCK_SIZE
    // Content, not a header block.
    this.#headerLength = this.#blockStart
    if (!complete) {
      this.#mapBlock()
      return undefined
    }
    this.#sparse!.extents = this.#mapText!.extents
    return this.#begin()
  }

  /** All that describes the entry is read: gives the event and makes ready for its content. */
  #begin(): TarEvent {
    const entry = this.#entry!
    if (this.#sparse !== undefined) {
      this.#holes += checkSparseMap(this.#sparse, this.#stored, this.#failAt(entry.offset))
      if (this.#holes > this.#limits.holes)
        this.#exceeded('holes of sparse files, bytes', this.#holes, this.#limits.holes)
    }
    this.#entryName = entry.name
    const header = this.#header.subarray(0, this.#headerLength)
    this.#extent = 0
    this.#position = 0
    if (entry.size === 0 && this.#stored === 0) this.#boundary()
    else this.#state = 'data'
    return { type: 'entry', entry, header }
  }

  #boundary(): void {
    this.#entry = undefined
    this.#entryOffset = -1
    this.#local = undefined
    this.#longName = undefined
    this.#longLink = undefined
    this.#sparse = undefined
    this.#mapText = undefined
    this.#headerLength = 0
    this.#expect('header', BLOCK_SIZE)
  }

  #data(): TarEvent | undefined {
    if (this.#stored === 0) {
      this.#state = 'padding'
      return undefined
    }
    const bytes = this.#take(this.#stored)
    return bytes === undefined ? undefined : { type: 'data', bytes }
  }

  #sparseData({ extents, size }: SparseMap): TarEvent | undefined {
    while (
      this.#extent < extents.length &&
      extents[this.#extent]! + extents[this.#extent + 1]! <= this.#position
    ) {
      this.#extent += 2
    }
    const inMap = this.#extent < extents.length
    const offset = inMap ? extents[this.#extent]! : size
    if (this.#position < offset) {
      const length = Math.min(ZEROS.length, offset - this.#position)
      this.#position += length
      return { type: 'data', bytes: ZEROS.subarray(0, length) }
    }
    if (!inMap) {
      this.#state = 'padding'
      return undefined
    }
    const bytes = this.#take(offset + extents[this.#extent + 1]! - this.#position)
    if (bytes === undefined) return undefined
    this.#position += bytes.length
    return { type: 'data', bytes }
  }

  /** A view of at most `length` stored bytes. */
  #take(length: number): Uint8Array | undefined {
    const start = this.#at
    const end = Math.min(this.#piece.length, start + length)
    if (end === start) return undefined
    this.#at = end
    this.#stored -= end - start
    return start === 0 && end === this.#piece.length
      ? this.#piece
      : this.#piece.subarray(start, end)
  }

  #skipPadding(): boolean {
    const length = Math.min(this.#padding, this.#piece.length - this.#at)
    this.#padding -= length
    this.#at += length
    if (this.#padding > 0) return false
    this.#boundary()
    return true
  }

  #failAt(base: number): Fail {
    return (at, problem) => {
      throw new AccelError('FORMAT_INVALID', {
        what: this.#what,
        format: 'tar',
        offset: base + at,
        problem,
      })
    }
  }

  readonly #tooManyExtents = (count: number): never =>
    this.#exceeded('a sparse file, extents', count, this.#limits.sparseExtents)

  #exceeded(limit: string, value: number, max: number): never {
    throw new AccelError('FORMAT_LIMIT_EXCEEDED', {
      what: this.#what,
      format: 'tar',
      limit,
      value,
      max,
    })
  }
}

function padding(size: number): number {
  return (BLOCK_SIZE - (size % BLOCK_SIZE)) % BLOCK_SIZE
}

function shown(typeflag: number): string {
  return `'${String.fromCharCode(typeflag)}'`
}
