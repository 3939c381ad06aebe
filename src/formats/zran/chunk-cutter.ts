import type { RefPlace } from '../nydus-blob/ref-chunks.ts'

/** A source of bytes that is read by exact amounts. `push` a piece, call `read` until it returns undefined. */
export interface ExactBytes {
  /** Bytes given so far. */
  readonly outOffset: number
  /** All was given, and all of it was right. */
  readonly ended: boolean
  /** Gives the next piece. It must stay unchanged until `read` returned undefined. */
  push(bytes: Uint8Array): void
  /** Says that there are no more pieces. */
  end(): void
  /** Keeps the next `size` bytes together, so that `view` gives them. */
  hold(size: number): void
  /** Reads on by at most `size` bytes, and gives by how many: 0 where another piece or `end` is needed, and at the end. */
  read(size: number): number
  /** The bytes from `outOffset` on: those of the last `read`, or since `hold`. Valid until the next call. */
  view(outOffset: number): Uint8Array
  /** Gives native memory back now. */
  close(): void
}

/** A chunk that was read, and where a reader finds it in the layer. */
export interface CutChunk {
  /** A view, valid until more is read. */
  bytes: Uint8Array
  /** Of a chunk that is inflated the compressed range is indicative: its context says. */
  place: RefPlace
}

/** Notes where the chunks of a layer are, while it is read. */
export interface ChunkCutter {
  /** The layer; between `beginChunk` and `endChunk` all of the chunk and nothing else is read from it. */
  readonly bytes: ExactBytes
  /** A chunk of `size` bytes comes next. */
  beginChunk(size: number): void
  /** The chunk was read. */
  endChunk(): CutChunk
}
