import { AccelError } from '../../errors/accel-error.ts'
import { BaseDecoder } from '../codec/base-decoder.ts'
import { BUFFER_SIZE } from '../codec/decoder.ts'
import type { DecoderInit } from '../codec/decoder.ts'
import type { Decompressor } from '../codec/decompressor.ts'
import { openDecompressor } from '../codec/open.ts'
import { FrameWalk, MAX_WINDOW, type FrameWalkFault } from './frame-walk.ts'

const NO_BYTES = new Uint8Array(0)

/**
 * Reads zstd (RFC 8878): several frames, skippable frames, windows of up to 128 MiB, no dictionaries; checksums are
 * checked where frames have them. Nothing may follow the last frame.
 * Memory: the output buffer, which is reused, the window of the frame, and 400 KiB.
 */
export class ZstdDecompressStream extends BaseDecoder {
  readonly compression = 'zstd'
  readonly #decompress: Decompressor
  readonly #openWalk: () => FrameWalk
  #walk: FrameWalk
  /** How far the piece was followed; so far the library may see it. */
  #seen = 0
  #done = false

  constructor(init: DecoderInit) {
    super(init, 'zstd')
    this.#decompress = openDecompressor('zstd', init.bufferSize ?? BUFFER_SIZE, init.codec)
    const fault: FrameWalkFault = {
      invalid: (at, problem) => {
        throw this.invalid(at - this.feed.at, problem)
      },
      windowTooLarge: (window) => {
        throw new AccelError('FORMAT_LIMIT_EXCEEDED', {
          what: init.what,
          format: 'zstd',
          limit: 'a window, bytes',
          value: window,
          max: MAX_WINDOW,
        })
      },
    }
    this.#openWalk = () => new FrameWalk(fault)
    this.#walk = this.#openWalk()
  }

  override push(bytes: Uint8Array): void {
    super.push(bytes)
    this.#seen = 0
  }

  close(): void {
    this.#decompress.close()
  }

  protected rewind(): void {
    this.#decompress.reset()
    this.#walk = this.#openWalk()
    this.#seen = 0
    this.#done = false
  }

  protected step(): Uint8Array | undefined {
    const { feed } = this
    if (feed.left === 0 && !this.#decompress.more) {
      if (feed.ended && !this.#done) this.#finish()
      return undefined
    }
    // One block at a time: that bounds what comes out of one call.
    if (feed.at === this.#seen && feed.left > 0) {
      this.#seen = this.#walk.advance(feed.bytes, feed.at)
    }
    const bytes = this.#decompress.decode(feed.bytes, feed.at, this.#seen, false)
    feed.at += this.#decompress.used
    if (this.#decompress.stopped) throw this.invalid(0, 'a frame ends before its last block')
    return bytes.length === 0 ? NO_BYTES : bytes
  }

  #finish(): void {
    if (this.feed.offset === 0 || !this.#walk.between) throw this.truncated(this.#walk.expected)
    this.#done = true
  }
}
