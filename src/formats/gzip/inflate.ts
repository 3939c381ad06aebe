import assert from 'node:assert/strict'
import { constants, createGunzip } from 'node:zlib'
import { AccelError } from '../../errors/accel-error.ts'
import { BUFFER_SIZE, MAX_UNCOMPRESSED_SIZE } from '../codec/decoder.ts'
import type { Decoder, DecoderInit } from '../codec/decoder.ts'
import { CodecFault, ZlibHandle } from '../codec/handle.ts'

const EMPTY = new Uint8Array(0)

/**
 * Reads gzip (RFC 1952): several members, headers with every optional field, CRC and length of each member checked.
 * Zeros after the last member are accepted, as gzip does (tapes and some writers pad); anything else there is not.
 * The output buffer is reused: a view stays valid until the next call.
 */
export class GunzipStream implements Decoder {
  readonly compression = 'gzip'
  readonly #what: string
  readonly #max: number
  readonly #handle = new ZlibHandle(createGunzip({ chunkSize: 64 }))
  readonly #output: Uint8Array
  #failure: unknown = undefined
  /** `zeros`: the members are over, only zeros may come. */
  #state: 'members' | 'zeros' | 'done' = 'members'
  #piece: Uint8Array = EMPTY
  #at = 0
  #pieceOffset = 0
  #pushedAll = false
  /** The last call filled the output, so more may be ready without input. */
  #more = false
  #produced = 0

  constructor(init: DecoderInit) {
    this.#what = init.what
    this.#max = init.maxUncompressedSize ?? MAX_UNCOMPRESSED_SIZE
    this.#output = new Uint8Array(init.bufferSize ?? BUFFER_SIZE)
  }

  get consumed(): number {
    return this.#pieceOffset + this.#at
  }

  get produced(): number {
    return this.#produced
  }

  push(bytes: Uint8Array): void {
    assert(!this.#pushedAll, 'push after end')
    assert(this.#at === this.#piece.length, 'push before the last piece was read')
    this.#pieceOffset += this.#piece.length
    this.#piece = bytes
    this.#at = 0
  }

  end(): void {
    this.#pushedAll = true
  }

  next(): Uint8Array | undefined {
    if (this.#failure !== undefined) throw this.#failure
    try {
      return this.#next()
    } catch (error) {
      this.#failure = error instanceof CodecFault ? this.#translate(error) : error
      throw this.#failure
    }
  }

  close(): void {
    this.#handle.close()
  }

  #next(): Uint8Array | undefined {
    while (this.#state === 'members' && (this.#at < this.#piece.length || this.#more)) {
      const made = this.#inflate(constants.Z_NO_FLUSH)
      if (made !== undefined) return made
    }
    if (this.#state === 'zeros') this.#skipZeros()
    if (!this.#pushedAll || this.#state === 'done') return undefined
    if (this.#state === 'members') {
      if (this.consumed === 0) throw this.#truncated()
      // Fails where the last member is not complete.
      const made = this.#inflate(constants.Z_FINISH)
      if (made !== undefined) return made
    }
    this.#state = 'done'
    return undefined
  }

  #inflate(flush: number): Uint8Array | undefined {
    const size = this.#output.length
    this.#handle.write(
      flush,
      this.#piece,
      this.#at,
      this.#piece.length - this.#at,
      this.#output,
      0,
      size,
    )
    const availOut = this.#handle.availOut
    this.#at = this.#piece.length - this.#handle.availIn
    this.#more = availOut === 0
    // Input and room left: a member ended and a zero follows it, else the next member would have been begun.
    if (this.#handle.availIn > 0 && availOut > 0) this.#state = 'zeros'
    const length = size - availOut
    if (length === 0) return undefined
    this.#produced += length
    if (this.#produced > this.#max) {
      throw new AccelError('FORMAT_LIMIT_EXCEEDED', {
        what: this.#what,
        format: 'gzip',
        limit: 'an uncompressed size',
        value: this.#produced,
        max: this.#max,
      })
    }
    return this.#output.subarray(0, length)
  }

  #skipZeros(): void {
    for (; this.#at < this.#piece.length; this.#at++) {
      if (this.#piece[this.#at] !== 0) {
        throw this.#invalid('bytes after the last member that are no member and not zero')
      }
    }
  }

  #translate(fault: CodecFault): AccelError {
    if (fault.code === 'Z_BUF_ERROR') return this.#truncated()
    // The library does not say where it was; the piece it was given begins here.
    return this.#invalid(fault.message)
  }

  #truncated(): AccelError {
    return new AccelError('FORMAT_TRUNCATED', {
      what: this.#what,
      format: 'gzip',
      offset: this.consumed,
      expected: 'the rest of a member',
    })
  }

  #invalid(problem: string): AccelError {
    return new AccelError('FORMAT_INVALID', {
      what: this.#what,
      format: 'gzip',
      offset: this.consumed,
      problem,
    })
  }
}
