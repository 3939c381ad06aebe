import { ZSTD_WINDOW_LOG } from '../codec/decompressor.ts'

/** Largest window that is accepted, bytes: decoding takes as much memory. RFC 8878 asks for 8 MiB at least. */
export const MAX_WINDOW = 2 ** ZSTD_WINDOW_LOG

/** Bytes of a block before it is compressed, at most (RFC 8878, 3.1.1.2). */
const MAX_BLOCK = 128 * 1024
/** Magic, descriptor, window, dictionary, content size. */
const MAX_HEADER = 18

/** What a frame begins with, little endian. Source: RFC 8878, section 3.1.1. */
export const ZSTD_MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC = 0x184d2a50

/** How the walk says that the bytes are no zstd: `at` counts in the piece. */
export interface FrameWalkFault {
  invalid(at: number, problem: string): never
  windowTooLarge(window: number): never
}

/** What is next: a part of a frame that is collected before it means something, or bytes that are gone over. */
type Part =
  | 'magic'
  | 'header'
  | 'block-header'
  | 'block'
  | 'checksum'
  | 'skippable-size'
  | 'skippable'

/**
 * Follows zstd frames and their blocks (RFC 8878, 3.1) without decompressing: where a frame ends, which the library
 * does not tell, and what it may ask for, before it is asked for. Skippable frames are gone over.
 */
export class FrameWalk {
  readonly #fault: FrameWalkFault
  #part: Part = 'magic'
  /** Bytes of the part that are still to come. */
  #left = 4
  readonly #head = new Uint8Array(MAX_HEADER)
  #have = 0
  #window = 0
  #checksum = false
  #lastBlock = false

  constructor(fault: FrameWalkFault) {
    this.#fault = fault
  }

  /** At the beginning or between two frames. */
  get between(): boolean {
    return this.#part === 'magic' && this.#have === 0
  }

  /** What must follow, for messages. */
  get expected(): string {
    if (this.#part === 'magic' || this.#part === 'header')
      return 'the rest of the header of a frame'
    if (this.#part === 'block') return `${this.#left} more bytes of a block`
    if (this.#part === 'skippable') return `${this.#left} more bytes of a skippable frame`
    if (this.#part === 'block-header') return 'another block'
    return 'the rest of a frame'
  }

  /** Goes on from byte `at` of `bytes`, to the end of a block or frame, or as far as the bytes go; gives where it is. */
  advance(bytes: Uint8Array, at: number): number {
    while (at < bytes.length) {
      const size = Math.min(this.#left, bytes.length - at)
      const skips =
        this.#part === 'block' || this.#part === 'skippable' || this.#part === 'checksum'
      if (!skips) {
        this.#head.set(bytes.subarray(at, at + size), this.#have)
        this.#have += size
      }
      at += size
      this.#left -= size
      while (this.#left === 0) if (this.#complete(at)) return at
    }
    return at
  }

  /** The part is complete; begins the next. True where a block or frame ended. */
  #complete(at: number): boolean {
    switch (this.#part) {
      case 'magic':
        this.#magic(at)
        return false
      case 'header':
        // The descriptor tells how long the header is.
        if (this.#have === 5) this.#left = headerSize(this.#head[4]!) - 5
        if (this.#left === 0) this.#header(at)
        return false
      case 'block-header':
        this.#blockHeader(at)
        return false
      case 'block':
        if (!this.#lastBlock) this.#expect('block-header', 3)
        else if (this.#checksum) this.#expect('checksum', 4)
        else this.#expect('magic', 4)
        return true
      case 'skippable-size':
        this.#expect('skippable', this.#u32(0))
        return false
      case 'checksum':
      case 'skippable':
        this.#expect('magic', 4)
        return true
    }
  }

  #expect(part: Part, size: number): void {
    this.#part = part
    this.#left = size
    this.#have = 0
  }

  #u32(at: number): number {
    const [a, b, c, d] = this.#head.subarray(at, at + 4)
    return a! + b! * 0x100 + c! * 0x1_0000 + d! * 0x100_0000
  }

  #magic(at: number): void {
    const magic = this.#u32(0)
    if (magic === ZSTD_MAGIC) {
      this.#part = 'header'
      this.#left = 1
    } else if (magic >= SKIPPABLE_MAGIC && magic <= SKIPPABLE_MAGIC + 15) {
      this.#expect('skippable-size', 4)
    } else {
      this.#fault.invalid(at - 4, 'no frame begins here')
    }
  }

  #header(at: number): void {
    const descriptor = this.#head[4]!
    if ((descriptor & 0x08) !== 0)
      this.#fault.invalid(at, 'a frame header has its reserved bit set')
    const single = (descriptor & 0x20) !== 0
    const dictionarySize = [0, 1, 2, 4][descriptor & 3]!
    const dictionaryAt = single ? 5 : 6
    for (let i = dictionaryAt; i < dictionaryAt + dictionarySize; i++) {
      if (this.#head[i] !== 0) this.#fault.invalid(at, 'a frame was compressed with a dictionary')
    }
    this.#window = single
      ? this.#contentSize(descriptor, dictionaryAt + dictionarySize)
      : windowSize(this.#head[5]!)
    if (this.#window > MAX_WINDOW) this.#fault.windowTooLarge(this.#window)
    this.#checksum = (descriptor & 0x04) !== 0
    this.#expect('block-header', 3)
  }

  #contentSize(descriptor: number, at: number): number {
    switch (descriptor >> 6) {
      case 0:
        return this.#head[at]!
      case 1:
        return this.#head[at]! + this.#head[at + 1]! * 0x100 + 256
      case 2:
        return this.#u32(at)
      default:
        return this.#u32(at) + this.#u32(at + 4) * 0x1_0000_0000
    }
  }

  #blockHeader(at: number): void {
    const header = this.#head[0]! + this.#head[1]! * 0x100 + this.#head[2]! * 0x1_0000
    const type = (header >> 1) & 3
    const size = header >> 3
    if (type === 3) this.#fault.invalid(at - 3, 'a block is of the reserved type')
    if (size > Math.min(MAX_BLOCK, this.#window)) {
      this.#fault.invalid(at - 3, `a block has ${size} bytes in a window of ${this.#window}`)
    }
    this.#lastBlock = (header & 1) !== 0
    // Type 1 repeats one byte `size` times.
    this.#expect('block', type === 1 ? 1 : size)
  }
}

/** Bytes of a frame header with its magic, by its descriptor. */
function headerSize(descriptor: number): number {
  const single = (descriptor & 0x20) !== 0
  const dictionary = [0, 1, 2, 4][descriptor & 3]!
  const content = [single ? 1 : 0, 2, 4, 8][descriptor >> 6]!
  return 5 + (single ? 0 : 1) + dictionary + content
}

/** The window of a window descriptor: an exponent, and eighths of it. */
function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3))
  return base + (base / 8) * (descriptor & 7)
}
