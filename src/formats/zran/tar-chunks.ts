import { strict as assert } from 'node:assert'
import { AccelError } from '../../errors/accel-error.ts'
import type { TarEvent } from '../tar/entry.ts'
import { BLOCK_SIZE } from '../tar/layout.ts'
import { TarReader } from '../tar/reader.ts'
import type { ChunkCutter, CutChunk } from './chunk-cutter.ts'

/** Events as of a TarReader, but that content comes as chunks: all of one at a time, with its place. */
export type TarChunkEvent =
  | Extract<TarEvent, { type: 'entry' | 'end' }>
  | ({ type: 'chunk' } & CutChunk)

export interface TarChunksInit {
  /** Names the layer in messages. */
  what: string
  /** The layer; it is closed by the caller. */
  cutter: ChunkCutter
  /** Files are cut at multiples of this many bytes. */
  chunkSize: number
}

/**
 * Reads the tar of a layer, and each file in it as chunks whose places in the layer are noted. Between them it stops
 * to the byte: at the end of each header, of each chunk.
 *
 * `push` a piece, call `next` until it returns undefined; `end` after the last piece, then `next` until undefined again.
 * What an event shows is valid until the next call. Throws what TarReader and the cutter's bytes throw, and
 * ZRAN_LAYER_UNSUITABLE for a sparse file: its holes are nowhere in the layer.
 */
export class TarChunks {
  readonly #what: string
  readonly #cutter: ChunkCutter
  readonly #chunkSize: number
  readonly #tar: TarReader
  #tarEnded = false
  /** Bytes of the entry's content that are not read, those of its present chunk, and those to the end of a header. */
  #content = 0
  #chunk = 0
  #header = 0

  constructor({ what, cutter, chunkSize }: TarChunksInit) {
    this.#what = what
    this.#cutter = cutter
    this.#chunkSize = chunkSize
    this.#tar = new TarReader({ what })
  }

  push(bytes: Uint8Array): void {
    this.#cutter.bytes.push(bytes)
  }

  end(): void {
    this.#cutter.bytes.end()
  }

  next(): TarChunkEvent | undefined {
    const { bytes } = this.#cutter
    for (;;) {
      if (this.#chunk === 0) {
        const event = this.#tar.next()
        if (event !== undefined) return this.#noted(event)
        if (this.#header === 0) this.#plan()
      }
      const read = bytes.read(this.#chunk > 0 ? this.#chunk : this.#header)
      if (read === 0) {
        if (!bytes.ended || this.#tarEnded) return undefined
        this.#tarEnded = true
        this.#tar.end()
        // Also says that the content of an entry has no end.
        const event = this.#tar.next()
        return event && this.#noted(event)
      }
      if (this.#chunk === 0) {
        this.#tar.push(bytes.view(bytes.outOffset - read))
        this.#header -= read
        continue
      }
      this.#tar.pass(read)
      this.#content -= read
      this.#chunk -= read
      if (this.#chunk === 0) return { type: 'chunk', ...this.#cutter.endChunk() }
    }
  }

  /** What is read next, to the byte: a chunk, or padding and a header block. */
  #plan(): void {
    if (this.#content > 0) {
      this.#chunk = Math.min(this.#content, this.#chunkSize)
      this.#cutter.beginChunk(this.#chunk)
      return
    }
    const { outOffset } = this.#cutter.bytes
    this.#header = BLOCK_SIZE + ((BLOCK_SIZE - (outOffset % BLOCK_SIZE)) % BLOCK_SIZE)
  }

  #noted(event: TarEvent): TarChunkEvent {
    assert(event.type !== 'data', 'content is passed over')
    if (event.type !== 'entry') return event
    const { size, sparse, name } = event.entry
    if (sparse) {
      const problem = `${JSON.stringify(name)} is a sparse file`
      throw new AccelError('ZRAN_LAYER_UNSUITABLE', { what: this.#what, problem })
    }
    this.#content = size
    return event
  }
}
