import assert from 'node:assert/strict'
import type { Compression, Decoder, DecoderInit } from './codec/decoder.ts'
import { PlainDecoder } from './codec/plain-decoder.ts'
import { sniff, SNIFF_SIZE } from './codec/sniff.ts'
import { GunzipStream } from './gzip/inflate.ts'
import { ZstdDecompressStream } from './zstd/decompress.ts'

/**
 * A decoder that finds out by the first bytes how they are compressed, whatever the media type says: the two differ
 * in real images. The caller compares `compression` with the media type, at the latest after `end`, and warns.
 * A layer without a single byte is an empty tar, `none`.
 */
export function openDecoder(init: DecoderInit): Decoder {
  return new LayerDecoder(init)
}

class LayerDecoder implements Decoder {
  readonly #init: DecoderInit
  #inner: Decoder | undefined = undefined
  /** The first bytes as long as they are too few, then a piece that waits for them to be used. */
  #first: Uint8Array = new Uint8Array(0)
  #waiting: Uint8Array | undefined = undefined
  #ended = false

  constructor(init: DecoderInit) {
    this.#init = init
  }

  get compression(): Compression | undefined {
    return this.#inner?.compression
  }

  get consumed(): number {
    return this.#inner?.consumed ?? 0
  }

  get produced(): number {
    return this.#inner?.produced ?? 0
  }

  push(bytes: Uint8Array): void {
    assert(!this.#ended, 'push after end')
    if (this.#inner !== undefined) {
      assert(this.#waiting === undefined, 'push before the last piece was read')
      this.#inner.push(bytes)
    } else if (this.#first.length + bytes.length >= SNIFF_SIZE) {
      const inner = this.#open(Buffer.concat([this.#first, bytes.subarray(0, SNIFF_SIZE)]))
      if (this.#first.length === 0) {
        inner.push(bytes)
      } else {
        inner.push(this.#first)
        this.#waiting = bytes
      }
    } else {
      this.#first = Buffer.concat([this.#first, bytes])
    }
  }

  end(): void {
    if (this.#inner === undefined) this.#open(this.#first).push(this.#first)
    this.#ended = true
    if (this.#waiting === undefined) this.#inner!.end()
  }

  next(): Uint8Array | undefined {
    const bytes = this.#inner?.next()
    if (bytes !== undefined || this.#waiting === undefined) return bytes
    this.#inner!.push(this.#waiting)
    this.#waiting = undefined
    if (this.#ended) this.#inner!.end()
    return this.#inner!.next()
  }

  close(): void {
    this.#inner?.close()
  }

  #open(first: Uint8Array): Decoder {
    this.#inner = decoderOf(sniff(first), this.#init)
    return this.#inner
  }
}

function decoderOf(compression: Compression, init: DecoderInit): Decoder {
  switch (compression) {
    case 'gzip':
      return new GunzipStream(init)
    case 'zstd':
      return new ZstdDecompressStream(init)
    case 'none':
      return new PlainDecoder(init)
  }
}
