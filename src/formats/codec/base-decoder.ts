import { Feed } from '../../bytes/feed.ts'
import { AccelError } from '../../errors/accel-error.ts'
import { OutputLimit } from './decoder.ts'
import type { Compression, Decoder, DecoderInit } from './decoder.ts'
import { CodecFault } from './handle.ts'

/** What decoders have in common: the feed, counting, limits, and errors that stay. */
export abstract class BaseDecoder implements Decoder {
  abstract readonly compression: Compression | undefined
  protected feed = new Feed()
  readonly #what: string
  readonly #format: string
  readonly #limit: OutputLimit
  #failure: unknown = undefined
  #produced = 0

  /** `format`: its name in messages. */
  constructor(init: DecoderInit, format: string) {
    this.#what = init.what
    this.#format = format
    this.#limit = new OutputLimit(init, format)
  }

  get consumed(): number {
    return this.feed.offset
  }

  get produced(): number {
    return this.#produced
  }

  push(bytes: Uint8Array): void {
    this.feed.push(bytes)
  }

  end(): void {
    this.feed.end()
  }

  next(): Uint8Array | undefined {
    if (this.#failure !== undefined) throw this.#failure
    try {
      for (;;) {
        const bytes = this.step()
        if (bytes === undefined) return undefined
        if (bytes.length === 0) continue
        this.#produced += bytes.length
        this.#limit.check(this.#produced, this.feed.offset)
        return bytes
      }
    } catch (error) {
      this.#failure = error instanceof CodecFault ? this.faultError(error) : error
      throw this.#failure
    }
  }

  /** Begins anew, as a decoder just made: what comes is another stream. Saves making one for each of many. */
  restart(): void {
    this.feed = new Feed()
    this.#failure = undefined
    this.#produced = 0
    this.rewind()
  }

  abstract close(): void

  /** The part of `restart` that is the decoder's own. */
  protected abstract rewind(): void

  /** One step: bytes, perhaps none, or undefined where there is nothing to do for now or any more. */
  protected abstract step(): Uint8Array | undefined

  /** The error for what the library said. The offset is that of the bytes it was given. */
  protected faultError(fault: CodecFault): AccelError {
    return this.invalid(0, fault.message)
  }

  /** `at` counts from the next byte of the feed. */
  protected invalid(at: number, problem: string): AccelError {
    const offset = this.feed.offset + at
    return new AccelError('FORMAT_INVALID', {
      what: this.#what,
      format: this.#format,
      offset,
      problem,
    })
  }

  protected truncated(expected: string): AccelError {
    return new AccelError('FORMAT_TRUNCATED', {
      what: this.#what,
      format: this.#format,
      offset: this.feed.offset,
      expected,
    })
  }
}
