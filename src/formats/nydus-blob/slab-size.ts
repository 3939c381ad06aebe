/** How large slabs are: asked by the main thread, which compresses nothing. */
import type { SlabSize } from '../../threads/messages.ts'
import { frameBound } from '../codec/frame-bound.ts'

/** Bytes by which the stored form of a piece can be longer than the piece: one byte that is padded and encrypted. */
export const MAX_PIECE_GROWTH = 17

/** A slab is handed out when it has so many bytes: two chunks of the usual size, as seven messages go with each slab. */
export const HAND_OUT_SIZE = 1280 * 1024

/** An encrypted slab is handed out when it has so many pieces, so that there is room for what they grow by. */
export const HAND_OUT_PIECES = 8192

/** How a layer's files are cut and stored. */
export interface ChunkCut {
  /** Bytes of a chunk. */
  chunkSize: number
  /** Files of one chunk that is smaller than half of it are compressed together, up to so many bytes; 0: none are. */
  batchSize: number
  /** @default false */
  encrypted?: boolean
}

/** The slabs that a chunk stream needs. */
export function chunkSlabSize({ chunkSize, batchSize, encrypted }: ChunkCut): SlabSize {
  const size = Math.max(chunkSize, batchSize) + HAND_OUT_SIZE
  const growth = encrypted === true ? HAND_OUT_PIECES * MAX_PIECE_GROWTH : 0
  // room for the last piece in the form that a compressor may give it before it is found to be no smaller
  return { input: size, output: frameBound(size) + growth }
}
