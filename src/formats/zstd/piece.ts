import type { Decompressor } from '../codec/decompressor.ts'
import { CodecFault } from '../codec/handle.ts'
import { openDecompressor } from '../codec/open.ts'
import { FrameWalk } from './frame-walk.ts'

/** Bytes of the output buffer at first: a chunk of the usual size, and one more. */
const CAPACITY = 1024 * 1024 + 1
/** Of the buffer that the library has of its own, and that is not used. */
const NO_BUFFER = 64

/** What the walk found; who decodes the piece again says it with its place. */
class NoFrame extends Error {}

/**
 * Decodes many small pieces of zstd, each one frame, with one call of the library each: for those a stream costs several
 * times what decompressing them does. Memory: the largest piece of `decode`, and 400 KiB.
 */
export class ZstdPieces {
  #decompressor: Decompressor | undefined = undefined
  #buffer = new Uint8Array(0)
  #walk = newWalk()

  /**
   * The `size` bytes of the frame that `stored` is, valid until the next call; undefined where it is anything else: damaged,
   * cut off, of another size, several frames.
   */
  decode(stored: Uint8Array, size: number): Uint8Array | undefined {
    // One byte more, so that what is too long is seen.
    if (size >= this.#buffer.length) this.#buffer = new Uint8Array(Math.max(CAPACITY, size + 1))
    const bytes = this.decodeInto(stored, this.#buffer.subarray(0, size + 1))
    return bytes?.length === size ? bytes : undefined
  }

  /** The bytes of the frame that `stored` is, at the beginning of `target`; undefined where it is anything else, or does not leave a byte free. */
  decodeInto(stored: Uint8Array, target: Uint8Array): Uint8Array | undefined {
    try {
      if (target.length > 0 && this.#isFrame(stored)) {
        const decompressor = (this.#decompressor ??= openDecompressor('zstd', NO_BUFFER))
        const bytes = decompressor.decode(stored, 0, stored.length, false, target)
        if (decompressor.used === stored.length && bytes.length < target.length) return bytes
      }
    } catch (error) {
      if (!(error instanceof CodecFault || error instanceof NoFrame)) throw error
    }
    // What is in the middle of something is of no use any more.
    this.close()
    this.#walk = newWalk()
    return undefined
  }

  /** Gives native memory back. */
  close(): void {
    this.#decompressor?.close()
    this.#decompressor = undefined
  }

  /** The library does not tell whether a frame is complete. */
  #isFrame(stored: Uint8Array): boolean {
    for (let at = 0; at < stored.length;) at = this.#walk.advance(stored, at)
    return this.#walk.between
  }
}

function newWalk(): FrameWalk {
  const fail = (): never => {
    throw new NoFrame()
  }
  return new FrameWalk({ invalid: fail, windowTooLarge: fail })
}
