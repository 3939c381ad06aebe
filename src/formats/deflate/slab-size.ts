/** How large slabs are: asked by the main thread, which compresses nothing. */
import type { SlabSize } from '../../threads/messages.ts'

/**
 * A batch is handed out when it has so many bytes: enough that handing it over (20 µs) does not count, few enough
 * that all threads have work soon, and that a slab of a layer of small files stays small.
 */
export const BATCH_SIZE = 512 * 1024
/** Fewest bytes of a member, on average: a payload of one byte is padded to a block. */
const SMALLEST_MEMBER = 512

/** The slabs that a member stream needs whose longest reserved piece has `room` bytes. */
export function slabSizeFor(room: number): SlabSize {
  const input = Math.max(room, BATCH_SIZE) + 64 * 1024
  return { input, output: batchBound(input, input / SMALLEST_MEMBER + 2) }
}

/**
 * Most bytes that `members` members of `size` bytes together may take. What cannot be compressed is stored, in blocks
 * of at least 5,000 bytes with five of their own; a member has eighteen of its own. Source: libdeflate
 * `deflate_compress.c`, `libdeflate_deflate_compress_bound`.
 */
export function batchBound(size: number, members: number): number {
  return size + (size >> 9) + 64 * members
}
