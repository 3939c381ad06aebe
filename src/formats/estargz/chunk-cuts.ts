/** A piece of a file's content, and what kind of chunk ends with it, if one does. */
export interface CutPiece {
  bytes: Uint8Array
  /** `zeros`: the chunk is a long run of zero bytes. */
  ends: 'data' | 'zeros' | undefined
}

/** Cuts the content of files into chunks. The cuts do not depend on how the content comes. */
export interface ChunkCuts {
  /** Most bytes of a chunk. */
  readonly largest: number
  /** Begins a file of `size` bytes, at least one. */
  begin(size: number): void
  /** The next bytes of the file, in pieces, each valid until the next. The last byte of the file ends a chunk. */
  take(bytes: Uint8Array): Generator<CutPiece, void, undefined>
}

/** Chunks of one size, but for the last of a file. */
export class FixedCuts implements ChunkCuts {
  readonly largest: number
  #fileLeft = 0
  #chunkLeft = 0

  constructor(size: number) {
    this.largest = size
  }

  begin(size: number): void {
    this.#fileLeft = size
    this.#chunkLeft = Math.min(size, this.largest)
  }

  *take(bytes: Uint8Array): Generator<CutPiece, void, undefined> {
    for (let at = 0; at < bytes.length;) {
      const piece = bytes.subarray(at, at + this.#chunkLeft)
      at += piece.length
      this.#fileLeft -= piece.length
      this.#chunkLeft -= piece.length
      const ends = this.#chunkLeft === 0 ? 'data' : undefined
      if (ends) this.#chunkLeft = Math.min(this.#fileLeft, this.largest)
      yield { bytes: piece, ends }
    }
  }
}
