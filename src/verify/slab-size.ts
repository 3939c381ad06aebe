/** How large slabs are: asked by the main thread, which reads nothing back. */
import { slabSizeFor } from '../formats/deflate/slab-size.ts'
import { chunkSlabSize } from '../formats/nydus-blob/slab-size.ts'
import type { SlabSize } from '../threads/messages.ts'

/**
 * Room for a chunk of the usual size behind others; a larger piece is checked in the layer's thread. The slabs are those
 * of who writes such chunks, which then are used again.
 */
export const CHECK_SLABS: SlabSize = chunkSlabSize({ chunkSize: 0x10_0000, batchSize: 0 })

/**
 * Largest chunk, uncompressed, that a batch thread is given: the usual one. The slabs are those of who writes such chunks,
 * which then are used again; their output has room for what follows chunks in members, padding and headers.
 */
export const LARGEST_MEMBER = 4 * 1024 * 1024
export const MEMBER_SLABS: SlabSize = slabSizeFor(LARGEST_MEMBER)
