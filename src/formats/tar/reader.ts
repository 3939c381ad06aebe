import { strict as assert } from 'node:assert'
import { Content } from './content.ts'
import { checkEntryLimits, decodeEntry } from './decode-entry.ts'
import type { TarEntry, TarEvent } from './entry.ts'
import { EXTENSION, Extensions } from './extensions.ts'
import { TarFault } from './fault.ts'
import type { Fail } from './fault.ts'
import { Feed } from '../../bytes/feed.ts'
import { HeaderBlocks } from './header-blocks.ts'
import { checkBlock, headerCount, SIZE } from './header.ts'
import { BLOCK_SIZE, UstarHeader } from './layout.ts'
import { TAR_LIMITS } from './limits.ts'
import type { TarLimits } from './limits.ts'
import { checkSparseMap, readGnuSparse, readGnuSparseBlock, SparseMapText } from './sparse.ts'
import type { SparseMap } from './sparse.ts'

/**
 * What is read next:
 * - `header`: a header block, of an entry or an extension, or zeros. At an entry boundary while `#entryOffset` is -1
 * - `extension`: the body of an extension header
 * - `sparse-header`: a sparse header block of the old GNU format
 * - `sparse-map`: a block of the map of PAX sparse format 1.0
 * - `content`: content of the entry, holes included
 * - `padding`: the rest of the content's last block
 * - `trailer`: what follows the two blocks of zeros, or nothing more
 * - `ended`: the `end` event was given
 */
type State =
  | 'header'
  | 'extension'
  | 'sparse-header'
  | 'sparse-map'
  | 'content'
  | 'padding'
  | 'trailer'
  | 'ended'

export interface TarReaderInit {
  /** Names the tar in messages: `harbor.example/app:1 layer 3 (sha256:…)`. */
  what: string
  /** What differs from TAR_LIMITS. */
  limits?: Partial<TarLimits>
}

const TYPEFLAG = UstarHeader.offsetOf('typeflag')
const CHKSUM = UstarHeader.offsetOf('chksum')

/**
 * Reads a tar synchronously, in pieces of any size: `push` a piece, then call `next` until it returns undefined;
 * `end` after the last, then `next` until the `end` event. The caller may stop between any two calls.
 *
 * Reads headers of v7, ustar, star, GNU and PAX, and the GNU sparse formats old, 0.0, 0.1 and 1.0. A tar may end
 * at an entry boundary, with or without the two blocks of zeros, and also where only the padding of the last entry is
 * missing, as `umoci insert` writes it and Go reads it. What follows the two blocks is ignored and counted.
 *
 * `data` events are views into the pushed piece, or shared zeros for holes: a piece must stay unchanged until
 * `next` returned undefined. Memory: the header blocks of one entry, at most `limits.header`, and a sparse map.
 *
 * `next` throws FORMAT_TRUNCATED (the end came inside an entry), FORMAT_INVALID or FORMAT_LIMIT_EXCEEDED, and
 * throws it again when called again.
 */
export class TarReader {
  readonly #fault: TarFault
  readonly #feed = new Feed()
  readonly #blocks: HeaderBlocks
  readonly #extensions: Extensions
  readonly #content = new Content()
  #state: State = 'header'
  #failure: unknown = undefined
  #zeroBlocks = 0
  #entryOffset = -1
  #entry: TarEntry | undefined = undefined
  #typeflag = 0
  #extensionSize = 0
  #stored = 0
  #padding = 0
  #sparse: SparseMap | undefined = undefined
  #mapText: SparseMapText | undefined = undefined
  #holes = 0
  #trailing = 0

  constructor(init: TarReaderInit) {
    this.#fault = new TarFault(init.what, { ...TAR_LIMITS, ...init.limits })
    this.#blocks = new HeaderBlocks(this.#fault)
    this.#extensions = new Extensions(this.#fault)
  }

  /** Bytes of the tar that were read. */
  get offset(): number {
    return this.#feed.offset
  }

  /** Bytes seen behind the two blocks of zeros that end a tar; they mean nothing. */
  get trailing(): number {
    return this.#trailing
  }

  /** Gives the next piece. Only at first, and after `next` returned undefined. */
  push(bytes: Uint8Array): void {
    this.#feed.push(bytes)
  }

  /** Says that there are no more pieces. */
  end(): void {
    this.#feed.end()
  }

  /**
   * Goes over `size` bytes of the entry's content, which the caller has and does not push: no event tells of them. Not
   * of a sparse file, and only after `next` returned undefined, or the entry.
   */
  pass(size: number): void {
    assert(this.#state === 'content', 'no content comes')
    this.#feed.pass(size)
    this.#content.pass(size)
    if (this.#content.done) this.#state = 'padding'
  }

  /** The next event; undefined when another piece or `end()` is needed, and after the `end` event. */
  next(): TarEvent | undefined {
    if (this.#failure !== undefined) throw this.#failure
    try {
      for (;;) {
        const event = this.#step()
        if (event === 'starved') {
          if (!this.#feed.ended) return undefined
          this.#finish()
        } else if (event !== undefined) {
          return event
        } else if (this.#state === 'ended') {
          return undefined
        }
      }
    } catch (error) {
      this.#failure = error
      throw error
    }
  }

  /** One step: gives an event, or nothing, or that there are not enough bytes for it. */
  #step(): TarEvent | 'starved' | undefined {
    switch (this.#state) {
      case 'header':
        return this.#blocks.fill(this.#feed) ? this.#headerBlock() : 'starved'
      case 'extension':
        return this.#blocks.fill(this.#feed) ? this.#extension() : 'starved'
      case 'sparse-header':
        return this.#blocks.fill(this.#feed) ? this.#sparseHeader() : 'starved'
      case 'sparse-map':
        return this.#blocks.fill(this.#feed) ? this.#sparseMap() : 'starved'
      case 'content': {
        const bytes = this.#content.next(this.#feed)
        if (bytes === undefined) return 'starved'
        if (this.#content.done) this.#state = 'padding'
        return { type: 'data', bytes }
      }
      case 'padding':
        this.#padding -= this.#feed.skip(this.#padding)
        return this.#padding === 0 ? this.#boundary() : 'starved'
      case 'trailer':
        this.#trailing += this.#feed.skip(this.#feed.left)
        if (!this.#feed.ended) return 'starved'
        this.#state = 'ended'
        return { type: 'end' }
      case 'ended':
        return undefined
    }
  }

  /** There are no more bytes: well at an entry boundary, and nowhere else. */
  #finish(): void {
    if (this.#state === 'padding') {
      this.#state = 'trailer'
      return
    }
    const boundary = this.#state === 'header' && this.#entryOffset < 0
    if (!boundary || this.#blocks.missing < BLOCK_SIZE) {
      throw this.#fault.truncated(this.offset, this.#expected())
    }
    this.#state = 'trailer'
  }

  #expected(): string {
    const name = JSON.stringify(this.#entry?.name)
    if (this.#state === 'content') return `${this.#content.stored} more bytes of ${name}`
    if (this.#state === 'header') return 'the rest of the header of an entry'
    if (this.#state === 'extension') return 'the rest of an extension header'
    return `the sparse map of ${name}`
  }

  #headerBlock(): TarEvent | undefined {
    const { bytes, words, start } = this.#blocks
    const fail = this.#fault.in(this.offset - BLOCK_SIZE)
    const sum = checkBlock(bytes, words, start)
    if (sum === 'zero') return this.#zeroBlock(fail)
    if (sum === 'bad') fail(CHKSUM, 'the checksum of a header is wrong')
    if (this.#zeroBlocks > 0) fail(0, 'a block of zeros is followed by a header')
    this.#typeflag = bytes[start + TYPEFLAG]!
    // A global header belongs to no entry.
    if (this.#entryOffset < 0 && this.#typeflag !== EXTENSION.global) {
      this.#entryOffset = this.offset - BLOCK_SIZE
    }
    if (!Extensions.has(this.#typeflag)) return this.#ownHeader(fail)
    const size = headerCount(bytes, start, SIZE, fail)
    this.#fault.check('extensionHeader', size, 'an extension header, bytes')
    this.#extensionSize = size
    this.#expect('extension', size + paddingOf(size))
    return undefined
  }

  #zeroBlock(fail: Fail): undefined {
    if (this.#entryOffset >= 0) fail(0, 'an extension header is followed by no entry')
    this.#blocks.dropTo(0)
    if (++this.#zeroBlocks === 2) this.#state = 'trailer'
  }

  #extension(): undefined {
    const { bytes, start } = this.#blocks
    const size = this.#extensionSize
    const offset = this.offset - size - paddingOf(size)
    this.#extensions.add(this.#typeflag, bytes, start, start + size, offset)
    this.#expect('header', BLOCK_SIZE)
    if (this.#typeflag === EXTENSION.global) this.#blocks.dropTo(start - BLOCK_SIZE)
  }

  #ownHeader(fail: Fail): TarEvent | undefined {
    const { bytes, start } = this.#blocks
    const context = this.#extensions.forEntry(this.#entryOffset)
    const { entry, stored, sparse, extents } = decodeEntry(bytes, start, context, fail)
    checkEntryLimits(entry, this.#fault)
    this.#entry = entry
    this.#stored = stored
    this.#padding = paddingOf(stored)
    switch (sparse) {
      case 'none':
        return this.#begin()
      case 'gnu':
        this.#sparse = { extents: [], size: 0 }
        return this.#afterSparseHeader(readGnuSparse(bytes, start, this.#sparse, fail))
      case 'pax-0':
        this.#sparse = { extents: extents ?? [], size: entry.size }
        return this.#begin()
      case 'pax-1':
        this.#sparse = { extents: [], size: entry.size }
        this.#mapText = new SparseMapText(this.#fault)
        return this.#nextMapBlock()
    }
  }

  #sparseHeader(): TarEvent | undefined {
    const { bytes, start } = this.#blocks
    const fail = this.#fault.in(this.offset - BLOCK_SIZE)
    return this.#afterSparseHeader(readGnuSparseBlock(bytes, start, this.#sparse!, fail))
  }

  #afterSparseHeader(more: boolean): TarEvent | undefined {
    const { extents, size } = this.#sparse!
    this.#fault.check('sparseExtents', extents.length / 2, 'a sparse file, extents')
    this.#entry!.size = size
    if (!more) return this.#begin()
    this.#expect('sparse-header', BLOCK_SIZE)
    return undefined
  }

  /** The map counts as stored content. */
  #nextMapBlock(): undefined {
    if (this.#stored < BLOCK_SIZE) {
      this.#fault.in(this.offset)(0, 'its sparse map is longer than its content')
    }
    this.#stored -= BLOCK_SIZE
    this.#expect('sparse-map', BLOCK_SIZE)
  }

  #sparseMap(): TarEvent | undefined {
    const { bytes, start } = this.#blocks
    const complete = this.#mapText!.block(bytes, start, this.#fault.in(this.offset - BLOCK_SIZE))
    // Content, and no header block.
    this.#blocks.dropTo(start)
    if (!complete) return this.#nextMapBlock()
    this.#sparse!.extents = this.#mapText!.extents
    return this.#begin()
  }

  /** All that describes the entry is read. */
  #begin(): TarEvent {
    const entry = this.#entry!
    if (this.#sparse !== undefined) {
      this.#holes += checkSparseMap(this.#sparse, this.#stored, this.#fault.in(entry.offset))
      this.#fault.check('holes', this.#holes, 'holes of sparse files, bytes')
    }
    const event: TarEvent = { type: 'entry', entry, header: this.#blocks.all() }
    this.#content.begin(this.#stored, this.#sparse)
    if (this.#content.done) this.#boundary()
    else this.#state = 'content'
    return event
  }

  #boundary(): undefined {
    this.#entryOffset = -1
    this.#sparse = undefined
    this.#mapText = undefined
    this.#state = 'header'
    this.#blocks.dropTo(0)
  }

  #expect(state: State, size: number): void {
    this.#state = state
    this.#blocks.expect(size)
  }
}

function paddingOf(size: number): number {
  return (BLOCK_SIZE - (size % BLOCK_SIZE)) % BLOCK_SIZE
}
