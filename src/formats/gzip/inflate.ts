import type { AccelError } from '../../errors/accel-error.ts'
import { BaseDecoder } from '../codec/base-decoder.ts'
import { BUFFER_SIZE } from '../codec/decoder.ts'
import type { DecoderInit } from '../codec/decoder.ts'
import type { Decompressor } from '../codec/decompressor.ts'
import type { CodecFault } from '../codec/handle.ts'
import { openDecompressor } from '../codec/open.ts'

const NO_BYTES = new Uint8Array(0)

/**
 * Reads gzip (RFC 1952): several members, headers with every optional field; CRC and length of each member are
 * checked. Zeros behind the last member are accepted, as gzip does; anything else there is not.
 * Memory: the output buffer, which is reused, and 50 KiB.
 */
export class GunzipStream extends BaseDecoder {
  readonly compression = 'gzip'
  readonly #inflate: Decompressor
  /**
   * - `members`: members, one behind the other
   * - `zeros`: zeros only
   * - `done`: all was given
   */
  #state: 'members' | 'zeros' | 'done' = 'members'

  constructor(init: DecoderInit) {
    super(init, 'gzip')
    this.#inflate = openDecompressor('gzip', init.bufferSize ?? BUFFER_SIZE, init.codec)
  }

  close(): void {
    this.#inflate.close()
  }

  protected rewind(): void {
    this.#inflate.reset()
    this.#state = 'members'
  }

  protected step(): Uint8Array | undefined {
    const { feed } = this
    switch (this.#state) {
      case 'members': {
        if (feed.left > 0 || this.#inflate.more) return this.#decode(false)
        if (!feed.ended) return undefined
        if (feed.offset === 0) throw this.truncated('a member')
        // Throws where the last member is not complete.
        const rest = this.#decode(true)
        this.#state = 'done'
        return rest
      }
      case 'zeros':
        while (feed.left > 0) {
          if (feed.bytes[feed.at] !== 0) {
            throw this.invalid(
              0,
              'behind the last member are bytes that are neither a member nor zeros',
            )
          }
          feed.at++
        }
        if (feed.ended) this.#state = 'done'
        return undefined
      case 'done':
        return undefined
    }
  }

  #decode(last: boolean): Uint8Array {
    const { feed } = this
    const bytes = this.#inflate.decode(feed.bytes, feed.at, feed.bytes.length, last)
    feed.at += this.#inflate.used
    // The library goes on to the next member by itself, unless a zero follows.
    if (this.#inflate.stopped) this.#state = 'zeros'
    return bytes.length === 0 ? NO_BYTES : bytes
  }

  protected override faultError(fault: CodecFault): AccelError {
    return fault.code === 'Z_BUF_ERROR'
      ? this.truncated('the rest of a member')
      : super.faultError(fault)
  }
}
