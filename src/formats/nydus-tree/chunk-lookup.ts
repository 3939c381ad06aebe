import type { ChunkStore } from './chunk-store.ts'

/** Finds a chunk by where it is, blob and index: what an inode says. 5 to 11 bytes a chunk. */
export class ChunkLookup {
  readonly #chunks: ChunkStore
  /** Open addressing: id + 1, or 0 where a place is free. */
  #table: Uint32Array
  #count = 0

  /** Finds the chunks that `chunks` holds now; `add` tells of further ones. */
  constructor(chunks: ChunkStore) {
    this.#chunks = chunks
    let length = 16
    while (length * 3 < chunks.length * 4) length *= 2
    this.#table = new Uint32Array(length)
    for (let id = 0; id < chunks.length; id++) this.add(id)
  }

  /** Makes a chunk of the store findable. Of two with one place the first counts. */
  add(id: number): void {
    if (++this.#count * 4 > this.#table.length * 3) {
      const ids = this.#table.filter((entry) => entry !== 0)
      this.#table = new Uint32Array(this.#table.length * 2)
      for (const entry of ids) this.#place(entry - 1)
    }
    this.#place(id)
  }

  /** The id of the chunk, or -1. */
  find(blobIndex: number, index: number): number {
    return (this.#table[this.#positionOf(blobIndex, index)] as number) - 1
  }

  #place(id: number): void {
    const at = this.#positionOf(this.#chunks.blobIndexOf(id), this.#chunks.indexOf(id))
    if (this.#table[at] === 0) this.#table[at] = id + 1
  }

  #positionOf(blobIndex: number, index: number): number {
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
