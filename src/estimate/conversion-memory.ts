import { slabSizeOf } from '../drivers/estargz/layer-writer.ts'
import { chunkSlabSize } from '../formats/nydus-blob/slab-size.ts'
import type { EstimatedFormat } from './format.ts'

const MIB = 1024 * 1024

/** Node.js with the program, and what threads take by themselves; measured, resident (docs/estimates.md). */
const PROCESS = 140 * MIB
const LAYER_THREAD = 60 * MIB
const BATCH_THREAD = 18 * MIB
/** What reading back takes besides. */
const READ_BACK = 30 * MIB
/** Source buffers of a layer; see `threads/messages.ts`. */
const LAYER_BUFFERS = 768 * 1024
/** What is known of a file while its layer is converted: its row, or its node, and what layers above may ask of it. */
const A_FILE = 600

/** What a conversion runs on. */
export interface ConversionPool {
  /** Threads that compress. */
  threads: number
  /** Layers that are worked on at a time. */
  layers: number
  /** Most bytes of all slabs together. */
  slabBytes: number
  /** Results are read back. */
  verify: boolean
}

/**
 * Bytes of resident memory that a conversion takes at its peak, by the rule that bounds it (`threads/pool.ts`): slabs are
 * bounded by threads and layers, whatever the image's size; only what is known of files grows with it.
 */
export function conversionMemory(
  { maker }: EstimatedFormat,
  { threads, layers, slabBytes, verify }: ConversionPool,
  image: { layers: number; files: number },
): number {
  const working = Math.min(layers, image.layers)
  const { input, output } =
    maker.kind === 'lazy' ? slabSizeOf(maker.format) : chunkSlabSize(maker.format)
  const batches = maker.kind === 'ref' ? 0 : threads
  const slabs =
    maker.kind === 'ref' ? 0 : Math.min(slabBytes, (batches + 2 * working) * (input + output))
  return (
    PROCESS +
    (verify ? READ_BACK : 0) +
    working * (LAYER_THREAD + LAYER_BUFFERS) +
    batches * BATCH_THREAD +
    slabs +
    image.files * A_FILE
  )
}
