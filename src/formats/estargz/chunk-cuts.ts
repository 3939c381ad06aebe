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
  /** Gives the next bytes of the file, at first or after `next` returned undefined; they must stay unchanged until it does so again. */
  push(bytes: Uint8Array): void
  /** The next piece, valid until the next call; undefined when more bytes are needed. The file's last byte ends a chunk. */
  next(): CutPiece | undefined
}

/** Chunks of one size, but for the last of a file. */
export class FixedCuts implements ChunkCuts {
  readonly largest: number
  #fileLeft = 0
  #chunkLeft = 0
  #bytes: Uint8Array = new Uint8Array(0)

  constructor(size: number) {
    this.largest = size
  }

  begin(size: number): void {
    this.#fileLeft = size
    this.#chunkLeft = Math.min(size, this.largest)
  }

  push(bytes: Uint8Array): void {
    this.#bytes = bytes
  }

  next(): CutPiece | undefined {
    if (this.#bytes.length === 0) return undefined
    const bytes = this.#bytes.subarray(0, this.#chunkLeft)
    this.#bytes = this.#bytes.subarray(bytes.length)
    this.#fileLeft -= bytes.length
    this.#chunkLeft -= bytes.length
    if (this.#chunkLeft > 0) return { bytes, ends: undefined }
    this.#chunkLeft = Math.min(this.#fileLeft, this.largest)
    return { bytes, ends: 'data' }
  }
}
