import { crc32 } from 'node:zlib'
import { AccelError } from '../../errors/accel-error.ts'
import { OutputLimit } from '../codec/decoder.ts'
import { CodecFault } from '../codec/handle.ts'
import { openBlockHandle } from './block-handle.ts'
import { BlockWalk } from './block-walk.ts'
import type { ExactBytes } from './chunk-cutter.ts'
import { GZIP_TRAILER_SIZE, gzipHeaderSize, MAX_GZIP_HEADER } from './gzip-header.ts'
import { InputWindow } from './input-window.ts'
import { OutputWindow, WINDOW } from './output-window.ts'

/** Where a deflate block begins. */
export interface BlockStart {
  /** Compressed bytes before it. Bits of the last of them may belong to the block. */
  inOffset: number
  /** Uncompressed bytes before it. */
  outOffset: number
}

/** All that is needed to inflate from a block on. */
export interface ResumePoint extends BlockStart {
  /** How many bits of the byte before `inOffset` belong to the block: 0 to 7. Known once KNOWN_OUTPUT more was read, or all. */
  pendingBits: number
  /** That byte; 0 where none of its bits do. Known as `pendingBits` is. */
  previousByte: number
  /** What precedes the block in its member, at most 32 KiB. */
  dictionary: Uint8Array
}

/** A block start and what becomes known of it. */
interface Block extends BlockStart {
  /** Where the block before it begins, and its pending bits if they are known. Undefined for the first of a member. */
  previous: (BlockStart & { pendingBits: number | undefined }) | undefined
  pendingBits: number | undefined
  /** Where in the output its member begins. */
  memberStart: number
  /** A copy, once the output that held it is gone. */
  dictionary: Uint8Array | undefined
}

export interface GzipBlocksInit {
  /** Names the bytes in messages. */
  what: string
  /** Most bytes that `hold` is asked for. */
  hold: number
  /** Called where a member begins that is not the first: the place of its first block. */
  onMember(start: BlockStart): void
  /** Gets all output, in order and in pieces of some 128 KiB, all of a member before its CRC is compared. Valid during the call. */
  onBytes?: ((bytes: Uint8Array) => void) | undefined
}

/**
 * Inflates gzip (RFC 1952: several members, zeros behind the last) by exact amounts, and knows at each place the
 * deflate block it is in. `push` a piece, call `read` until it returns undefined; `end` after the last piece.
 *
 * Blocks are told as nydus utils/src/compress/zlib_random.rs (ZranReaderState) does, but for two: the place behind the
 * last block of a member, from where nothing can be inflated, is none; and a block that begins where a piece of 64 KiB
 * ends, to the byte, is not seen: the one before it counts on.
 *
 * Throws FORMAT_TRUNCATED, FORMAT_INVALID (damage, CRC, size, garbage), FORMAT_LIMIT_EXCEEDED, and
 * ZRAN_LAYER_UNSUITABLE for blocks of 16 MiB. Memory: `hold`, 0.5 MiB, and
 * where blocks are longer than usual up to 32 MiB.
 */
export class GzipBlocks implements ExactBytes {
  readonly #what: string
  readonly #limit: OutputLimit
  readonly #onMember: (start: BlockStart) => void
  readonly #onBytes: GzipBlocksInit['onBytes']
  readonly #handle = openBlockHandle()
  readonly #walk = new BlockWalk()
  readonly #input: InputWindow
  readonly #output: OutputWindow
  /** What is read next. `behind` a member comes another, or `zeros`. */
  #state: 'header' | 'blocks' | 'trailer' | 'behind' | 'zeros' | 'ended' = 'header'
  #members = 0
  #memberStart = 0
  /** Of the member's output before the offset that follows. */
  #crc = 0
  #summedTo = 0
  #inOffset = 0
  #current: Block | undefined = undefined
  /** A point at the start of the present block of which the bits are not known. */
  #unsettled: ResumePoint | undefined = undefined
  /** Behind a block that has ended, where the output is full: the last of empty blocks that follow at once. */
  #next: Block | undefined = undefined

  constructor({ what, hold, onMember, onBytes }: GzipBlocksInit) {
    this.#what = what
    this.#limit = new OutputLimit({ what }, 'gzip')
    this.#onMember = onMember
    this.#onBytes = onBytes
    this.#input = new InputWindow(what)
    this.#output = new OutputWindow(hold, (from) => {
      this.#sum()
      this.#saveBlock(from)
    })
  }

  /** Compressed bytes that zlib used to make the output so far, and to see the symbol that follows. */
  get inOffset(): number {
    return this.#inOffset
  }

  get outOffset(): number {
    return this.#output.offset
  }

  /** Where the block begins that the next byte is in; the one before, where the next byte is in another member. */
  get block(): BlockStart | undefined {
    return this.#current
  }

  get ended(): boolean {
    return this.#state === 'ended'
  }

  push(bytes: Uint8Array): void {
    this.#input.push(bytes)
  }

  end(): void {
    this.#input.ended = true
  }

  hold(size: number): void {
    this.#output.hold(size)
  }

  view(outOffset: number): Uint8Array {
    return this.#output.view(outOffset)
  }

  read(size: number): number {
    const start = this.outOffset
    try {
      while (this.#step(size)) {
        const { outOffset } = this
        if (outOffset === start) continue
        this.#limit.check(outOffset, this.#input.offset)
        return outOffset - start
      }
      return 0
    } catch (error) {
      throw error instanceof CodecFault ? this.#invalid(error.message) : error
    }
  }

  /** What is needed to inflate from `block` on. */
  resumePoint(): ResumePoint {
    const block = this.#current!
    const { inOffset, outOffset } = block
    block.dictionary ??= this.#dictionaryOf(block)
    const { dictionary } = block
    const point = { inOffset, outOffset, pendingBits: 0, previousByte: 0, dictionary }
    this.#unsettled = point
    if (this.outOffset - outOffset >= KNOWN_OUTPUT) this.#settle()
    return point
  }

  close(): void {
    this.#handle.close()
  }

  /** One step; false where it needs more input, and at the end. */
  #step(size: number): boolean {
    switch (this.#state) {
      case 'header':
        return this.#header()
      case 'blocks':
        return this.#inflate(size)
      case 'trailer':
        return this.#trailer()
      case 'behind':
        return this.#behind()
      case 'zeros':
        return this.#zeros()
      case 'ended':
        return false
    }
  }

  #header(): boolean {
    const input = this.#input
    for (let size = 512; ; size *= 2) {
      const loaded = input.load(size)
      const header = gzipHeaderSize(input.bytes, input.at, input.end)
      if (typeof header === 'string') throw this.#invalid(header)
      if (header !== undefined) {
        input.at += header
        break
      }
      if (size >= MAX_GZIP_HEADER) throw this.#invalid('the header of a gzip member has no end')
      if (loaded) continue
      if (input.ended) throw this.#truncated('the header of a member')
      return false
    }
    this.#crc = 0
    this.#memberStart = this.#summedTo = this.outOffset
    this.#next = undefined
    this.#begin({ ...this.#place(), previous: undefined, pendingBits: 0 })
    if (this.#members++ > 0) this.#onMember(this.#place())
    this.#state = 'blocks'
    return true
  }

  #inflate(size: number): boolean {
    const input = this.#input
    const output = this.#output
    const end = input.pieceEnd()
    if (end === undefined) return false
    if (input.at === end) throw this.#truncated('the rest of a member')
    const room = Math.min(size, output.room())
    this.#handle.inflate(input.bytes, input.at, end, output.bytes, output.at, output.at + room)
    const { used, made } = this.#handle
    if (used === 0 && made === 0 && room > 0) {
      this.#state = 'trailer'
      return true
    }
    input.at += used
    output.at += made
    this.#inOffset = input.offset
    const { outOffset } = this
    if (outOffset - this.#summedTo >= SUM_SIZE) this.#sum()
    if (this.#unsettled !== undefined && outOffset - this.#unsettled.outOffset >= KNOWN_OUTPUT) {
      this.#settle()
    }
    if (this.#next !== undefined) this.#begin(this.#next)
    this.#next = undefined
    if (input.at === end) return true
    if (made < room) this.#begin(this.#after(this.#current!))
    else this.#lookAhead(end)
    return true
  }

  /** The output is full. Where a block ended with it, zlib goes on when asked for nothing; else it does not. */
  #lookAhead(end: number): void {
    const input = this.#input
    const output = this.#output
    let last = this.#current!
    for (let first = true; input.at < end; first = false) {
      this.#handle.inflate(input.bytes, input.at, end, output.bytes, output.at, output.at)
      if (this.#handle.used === 0) return
      last = this.#after(last)
      input.at += this.#handle.used
      if (first) this.#begin(last)
      else this.#next = last
    }
  }

  #trailer(): boolean {
    const input = this.#input
    if (!input.load(GZIP_TRAILER_SIZE)) {
      if (input.ended) throw this.#truncated('the CRC and size of a member')
      return false
    }
    this.#sum()
    this.#settle()
    const view = new DataView(input.bytes.buffer, input.at, GZIP_TRAILER_SIZE)
    if (view.getUint32(0, true) !== this.#crc) throw this.#invalid('incorrect data check')
    const size = this.outOffset - this.#memberStart
    if (view.getUint32(4, true) !== size % 2 ** 32) throw this.#invalid('incorrect length check')
    input.at += GZIP_TRAILER_SIZE
    this.#handle.reset()
    this.#state = 'behind'
    return true
  }

  #behind(): boolean {
    const input = this.#input
    if (input.load(1)) this.#state = input.bytes[input.at] === 0 ? 'zeros' : 'header'
    else if (input.ended) this.#state = 'ended'
    else return false
    return true
  }

  #zeros(): boolean {
    const input = this.#input
    while (input.load(1)) {
      if (input.bytes[input.at] !== 0) {
        throw this.#invalid('behind the last member are bytes that are neither a member nor zeros')
      }
      input.at++
      input.keepFrom = input.offset
    }
    if (input.ended) this.#state = 'ended'
    return false
  }

  #begin(block: Omit<Block, 'memberStart' | 'dictionary'>): void {
    this.#settle()
    this.#current = { ...block, memberStart: this.#memberStart, dictionary: undefined }
    // The byte before the block is needed too.
    this.#input.keepFrom = (block.previous ?? block).inOffset - 1
  }

  /** A block that begins here and follows another. */
  #after({ inOffset, outOffset, pendingBits }: Block): Block {
    const previous = { inOffset, outOffset, pendingBits }
    const { memberStart } = this.#current!
    return {
      ...this.#place(),
      previous,
      pendingBits: undefined,
      memberStart,
      dictionary: undefined,
    }
  }

  #place(): BlockStart {
    return { inOffset: this.#input.offset, outOffset: this.outOffset }
  }

  /** Completes the point that lacks the bits of its block. */
  #settle(): void {
    const point = this.#unsettled
    if (point === undefined) return
    this.#unsettled = undefined
    const block = this.#current!
    block.pendingBits ??= this.#pendingBits(block)
    if (block.pendingBits === 0) return
    point.pendingBits = block.pendingBits
    point.previousByte = this.#input.bytes[this.#input.indexOf(point.inOffset - 1)]!
  }

  /**
   * How many bits of the byte before it belong to the present block. Where it begins is known to the byte; of eight
   * bits one is the first, from which the output comes, and it does from hardly any other.
   */
  #pendingBits(block: Block): number {
    const { inOffset, outOffset, previous } = block
    if (previous === undefined) return 0
    const { bytes, at } = this.#input
    const start = this.#input.indexOf(inOffset) * 8
    const end = Math.min(this.outOffset, outOffset + KNOWN_OUTPUT)
    const known = this.#output.view(outOffset, end)
    const possible = EIGHT.filter((bits) => this.#walk.mayBegin(bytes, start - bits, at, known))
    return possible.length === 1 ? possible[0]! : this.#bitsLeft(block)
  }

  /** The same by the block before it: what that leaves. From no other than its first bit a walk ends where it must. */
  #bitsLeft({ inOffset, outOffset, previous }: Block): number {
    const input = this.#input
    const end = input.indexOf(inOffset)
    const start = input.indexOf(previous!.inOffset) * 8
    const size = outOffset - previous!.outOffset
    const candidates = previous!.pendingBits === undefined ? EIGHT : [previous!.pendingBits]
    for (const bits of candidates) {
      const pending = this.#walk.walk(input.bytes, start - bits, end, size)
      if (pending !== undefined) return pending
    }
    throw this.#invalid('a deflate block that zlib reads and whose end is not found')
  }

  #sum(): void {
    if (this.outOffset === this.#summedTo) return
    const bytes = this.#output.view(this.#summedTo)
    this.#crc = crc32(bytes, this.#crc)
    this.#onBytes?.(bytes)
    this.#summedTo = this.outOffset
  }

  #dictionaryOf({ outOffset, memberStart }: Block): Uint8Array {
    const from = Math.max(memberStart, outOffset - WINDOW)
    return new Uint8Array(this.#output.view(from, outOffset))
  }

  /** Notes of the block what can be told only as long as the output before `from` is there. */
  #saveBlock(from: number): void {
    const block = this.#current
    if (block === undefined) return
    if (block.outOffset - WINDOW < from) block.dictionary ??= this.#dictionaryOf(block)
    if (block.outOffset < from) block.pendingBits ??= this.#pendingBits(block)
  }

  #truncated(expected: string): AccelError {
    return new AccelError('FORMAT_TRUNCATED', {
      what: this.#what,
      format: 'gzip',
      offset: this.#input.offset,
      expected,
    })
  }

  #invalid(problem: string): AccelError {
    return new AccelError('FORMAT_INVALID', {
      what: this.#what,
      format: 'gzip',
      offset: this.#input.offset,
      problem,
    })
  }
}

/** Output is looked at by so many bytes at a time: few calls, and all of it is still in the cache. */
const SUM_SIZE = 128 * 1024

/** Output of a block by which it is told from others that its bits might be: a line of text, some forty symbols. */
const KNOWN_OUTPUT = 128

const EIGHT = [0, 1, 2, 3, 4, 5, 6, 7]
