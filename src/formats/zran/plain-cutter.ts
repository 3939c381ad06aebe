import { strict as assert } from 'node:assert'
import type { ChunkCutter, CutChunk, ExactBytes } from './chunk-cutter.ts'
import { OutputWindow } from './output-window.ts'

/** Bytes that are what they are: a layer without compression. Memory: `hold` and 96 KiB. */
class PlainBytes implements ExactBytes {
  readonly #output: OutputWindow
  readonly #onBytes: ((bytes: Uint8Array) => void) | undefined
  #piece: Uint8Array = new Uint8Array(0)
  #pieceAt = 0
  #pushed = false

  constructor(hold: number, onBytes: ((bytes: Uint8Array) => void) | undefined) {
    this.#onBytes = onBytes
    this.#output = new OutputWindow(hold, () => {})
  }

  get outOffset(): number {
    return this.#output.offset
  }

  get ended(): boolean {
    return this.#pushed && this.#pieceAt === this.#piece.length
  }

  push(bytes: Uint8Array): void {
    assert(!this.#pushed && this.#pieceAt === this.#piece.length, 'push too early')
    this.#onBytes?.(bytes)
    this.#piece = bytes
    this.#pieceAt = 0
  }

  end(): void {
    this.#pushed = true
  }

  hold(size: number): void {
    this.#output.hold(size)
  }

  view(outOffset: number): Uint8Array {
    return this.#output.view(outOffset)
  }

  read(size: number): number {
    const left = this.#piece.length - this.#pieceAt
    if (left === 0) return 0
    const count = Math.min(size, left, this.#output.room())
    const { bytes, at } = this.#output
    bytes.set(this.#piece.subarray(this.#pieceAt, this.#pieceAt + count), at)
    this.#output.at += count
    this.#pieceAt += count
    return count
  }

  close(): void {}
}

/** Chunks of a layer that is a plain tar: they are stored in it as they are. Source: nydus's conversion `tar-ref`. */
export class PlainCutter implements ChunkCutter {
  readonly bytes: ExactBytes
  #start = 0

  /** `chunkSize`: bytes of the largest chunk. `onBytes` gets all bytes of the tar, in order; valid during the call. */
  constructor(chunkSize: number, onBytes?: (bytes: Uint8Array) => void) {
    this.bytes = new PlainBytes(chunkSize, onBytes)
  }

  beginChunk(size: number): void {
    this.bytes.hold(size)
    this.#start = this.bytes.outOffset
  }

  endChunk(): CutChunk {
    const bytes = this.bytes.view(this.#start)
    return { bytes, place: { compressedOffset: this.#start, compressedSize: bytes.length } }
  }
}
