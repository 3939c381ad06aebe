import type { Decompressor } from '../codec/decompressor.ts'
import { CodecFault } from '../codec/handle.ts'
import { openDecompressor } from '../codec/open.ts'
import { FrameWalk } from './frame-walk.ts'

/** Bytes of the output buffer at first. */
const CAPACITY = 1024 * 1024 + 1

/** What the walk found; who decodes the piece again says it with its place. */
class NoFrame extends Error {}

/**
 * Decodes many small pieces of zstd, each one frame of a known size, with one call of the library each: for those a
 * stream costs several times what decompressing them does. Memory: the largest piece, and 400 KiB.
 */
export class ZstdPieces {
  #decompressor: Decompressor | undefined = undefined
  #capacity = CAPACITY
  #walk = newWalk()

  /**
   * The `size` bytes of the frame that `stored` is, valid until the next call; undefined where it is anything else: damaged,
   * cut off, of another size, several frames.
   */
  decode(stored: Uint8Array, size: number): Uint8Array | undefined {
    // One byte more, so that what is too long is seen.
    if (size >= this.#capacity) this.#grow(size + 1)
    try {
      if (this.#isFrame(stored)) {
        const decompressor = (this.#decompressor ??= openDecompressor('zstd', this.#capacity))
        const bytes = decompressor.decode(stored, 0, stored.length, false)
        if (decompressor.used === stored.length && bytes.length === size) return bytes
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

  #grow(capacity: number): void {
    this.close()
    this.#capacity = capacity
  }
}

function newWalk(): FrameWalk {
  const fail = (): never => {
    throw new NoFrame()
  }
  return new FrameWalk({ invalid: fail, windowTooLarge: fail })
}
