import type { FormatName } from './format-name.ts'
import type { LayerEstimate } from './layer-estimate.ts'

/** On what a conversion runs. */
export interface Machine {
  processors: number
  /** Threads that compress. */
  threads: number
  /** Layers that are worked on at a time. */
  layers: number
  /** From the start of the process to the first work, in milliseconds. */
  startMs: number
  /** Bytes a second at which the source comes; undefined where it is not known. */
  pullRate: number | undefined
  /** Results are read back and compared. */
  verify: boolean
}

/**
 * What reading back adds to the processor time of a conversion, measured over the corpus (docs/benchmarks.md, "Reading
 * back"): what has to be decoded and digested again is nearly all of what was compressed.
 */
const READ_BACK = 0.33

/**
 * Seconds that the conversion of layers takes on a machine with nothing else to do. The work of all of them is shared
 * by all processors, but one layer is decoded by one thread and compressed by no more than there are; the source cannot come
 * faster than it did, and goes out again as the result at the same rate.
 */
export function conversionSeconds(
  layers: readonly LayerEstimate[],
  format: FormatName,
  machine: Machine,
): number {
  const work = layers.map((layer) => workOf(layer, format))
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)
  const thread = work.map(({ threadMs }) => threadMs)
  const batch = sum(work.map(({ batchMs }) => batchMs))
  const slots = Math.min(machine.layers, machine.processors)
  const convertMs = Math.max(
    (sum(thread) + batch) / machine.processors,
    batch / Math.min(machine.threads, machine.processors),
    sum(thread) / slots,
    ...thread,
  )
  const verifyMs = machine.verify ? ((sum(thread) + batch) * READ_BACK) / machine.processors : 0
  const bytesMs = (bytes: number): number =>
    machine.pullRate === undefined ? 0 : (bytes / machine.pullRate) * 1000
  const pullMs = bytesMs(sum(layers.map(({ descriptor }) => descriptor.size)))
  const pushMs = bytesMs(sum(work.map(({ size }) => size)))
  return (machine.startMs + Math.max(convertMs + verifyMs, pullMs) + pushMs) / 1000
}

function workOf(
  { made, decodeMs }: LayerEstimate,
  format: FormatName,
): { threadMs: number; batchMs: number; size: number } {
  const own = made.get(format)
  // it reads the layer by itself
  if (own !== undefined && format === 'oci_ref') return own
  const layer = own ?? made.get('nydus')
  if (layer === undefined) return { threadMs: decodeMs, batchMs: 0, size: 0 }
  return { ...layer, threadMs: layer.threadMs + decodeMs }
}
