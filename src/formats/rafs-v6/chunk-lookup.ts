import type { ChunkStore } from '../nydus-tree/chunk-store.ts'

/** Finds a chunk by where it is, blob and index: what a chunk address of an inode says. 8 bytes a chunk. */
export class ChunkLookup {
  readonly #chunks: ChunkStore
  /** Open addressing: id + 1, or 0 where a place is free. */
  readonly #table: Uint32Array

  /** For the chunks that `chunks` holds now. */
  constructor(chunks: ChunkStore) {
    this.#chunks = chunks
    let length = 16
    while (length < chunks.length * 2) length *= 2
    this.#table = new Uint32Array(length)
    for (let id = 0; id < chunks.length; id++) {
      const at = this.#placeOf(chunks.blobIndexOf(id), chunks.indexOf(id))
      // Of two records of one chunk the first counts.
      if (this.#table[at] === 0) this.#table[at] = id + 1
    }
  }

  /** The id of the chunk, or -1. */
  find(blobIndex: number, index: number): number {
    return (this.#table[this.#placeOf(blobIndex, index)] as number) - 1
  }

  #placeOf(blobIndex: number, index: number): number {
    const mask = this.#table.length - 1
    // Indexes of one blob are counted up from 0, so they need no mixing: runs of different blobs are set apart.
    let at = (index + Math.imul(blobIndex, 0x9e37_79b1)) & mask
    for (let entry = this.#table[at] as number; entry !== 0; entry = this.#table[at] as number) {
      const id = entry - 1
      if (this.#chunks.indexOf(id) === index && this.#chunks.blobIndexOf(id) === blobIndex) break
      at = (at + 1) & mask
    }
    return at
  }
}
