import { isForeign } from '../convert/convert-layers.ts'
import type { SourceImage } from '../convert/source-image.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { allOrNone } from '../streams/all-or-none.ts'
import { bytesFrom, type ByteSource } from '../streams/byte-source.ts'
import { moduleBeside } from '../threads/start-thread.ts'
import type { ThreadPool } from '../threads/pool.ts'
import type { RangedSource } from '../transport/image-transport.ts'
import type { EstimatedFormat, LayerMaker } from './format.ts'
import type { FormatName } from './format-name.ts'
import { gzipSize, ISIZE_SIZE } from './gzip-size.ts'
import { estimateLayer, type LayerEstimate } from './layer-estimate.ts'
import type { LayerJobData, LayerMeasure } from './layer-measure.ts'
import { planSample } from './sample-plan.ts'

const LAYER_JOB = moduleBeside(import.meta.url, './layer-job')

/** How layers are looked at. */
export interface MeasureInit {
  formats: readonly EstimatedFormat[]
  /** Bytes that are pulled of all layers together; `full`: all. */
  sample: number | 'full'
  /** What there is in the layers is listed, also where not all of them are looked at. */
  listed: boolean
  signal: AbortSignal
  /** Called as layers are done. */
  onLayer(done: number, of: number): void
}

/** What was found, and how fast it came. */
export interface MeasuredLayers {
  layers: Map<Digest, LayerEstimate>
  pulled: { bytes: number; ms: number }
}

/** Looks at the layers of images, each once. Throws CONTENT_…, REGISTRY_…, FORMAT_…, DRIVER_…. */
export async function measureLayers(
  source: RangedSource,
  images: readonly SourceImage[],
  threads: ThreadPool,
  { formats, sample, listed, signal, onLayer }: MeasureInit,
): Promise<MeasuredLayers> {
  const layers = new Map(
    images.flatMap(({ manifest, what }) =>
      manifest.layers.map((layer, i): [Digest, { layer: Descriptor; what: string }] => [
        layer.digest,
        { layer, what: `${what} layer ${i + 1} (${layer.digest})` },
      ]),
    ),
  )
  const all = [...layers.values()].filter(({ layer }) => !isForeign(layer))
  const sizes = all.map(({ layer }) => layer.size)
  const planned = sample === 'full' ? sizes : planSample(sizes, sample)
  const named = listed || planned.every((length, i) => length === sizes[i])
  const pull = new PullClock()
  let done = 0
  const measured = async (i: number, stop: AbortSignal): Promise<LayerEstimate> => {
    const { layer, what } = all[i]!
    const length = planned[i]!
    const whole = length === layer.size
    const data: LayerJobData = { what, layer, whole, listed: named, makers: makersOf(formats) }
    const measure = await threads.run<LayerMeasure>({
      what,
      call: { module: LAYER_JOB, data },
      open: (open) =>
        pull.timed(
          whole ? source.blob(layer, { signal: open }) : firstBytes(source, layer, length, open),
        ),
      // batches are done in the layer's thread
      slabSize: { input: 0, output: 0 },
      signal: stop,
    })
    const tarSize = await tarSizeOf(source, layer, measure, stop)
    onLayer(++done, all.length)
    return estimateLayer(layer, measure, tarSize)
  }
  const looked = await allOrNone(signal, (stop) => all.map((_, i) => measured(i, stop)))
  return {
    layers: new Map(looked.map((layer) => [layer.descriptor.digest, layer])),
    pulled: { bytes: pull.bytes, ms: pull.ms },
  }
}

/** A layer that cannot stay where it is gets a Nydus blob, so that is measured as well. */
function makersOf(formats: readonly EstimatedFormat[]): { name: FormatName; maker: LayerMaker }[] {
  const makers = formats.map(({ name, maker }) => ({ name, maker }))
  const ref = makers.find(({ maker }) => maker.kind === 'ref')?.maker
  if (ref?.kind !== 'ref' || formats.some(({ name }) => name === 'nydus')) return makers
  return [...makers, { name: 'nydus', maker: { kind: 'nydus', format: ref.format } }]
}

/** They are not verified: a digest is that of a whole layer. */
async function* firstBytes(
  source: RangedSource,
  layer: Descriptor,
  length: number,
  signal: AbortSignal,
): ByteSource & AsyncGenerator<Uint8Array> {
  yield* bytesFrom(await source.blobRange(layer, { offset: 0, length }, { signal }))
}

async function tarSizeOf(
  source: RangedSource,
  layer: Descriptor,
  { whole, compression, tar, stored }: LayerMeasure,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (whole) return undefined
  if (compression === 'none') return layer.size
  if (compression !== 'gzip' || stored === 0) return undefined
  const range = { offset: layer.size - ISIZE_SIZE, length: ISIZE_SIZE }
  return gzipSize(await source.blobRange(layer, range, { signal }), (tar * layer.size) / stored)
}

/** How long bytes were waited for, side by side as they came. */
class PullClock {
  bytes = 0
  ms = 0
  #open = 0
  #since = 0

  async *timed(source: ByteSource): ByteSource & AsyncGenerator<Uint8Array> {
    const iterator = source[Symbol.asyncIterator]()
    try {
      for (;;) {
        this.#begin()
        const next = await iterator.next().finally(() => this.#end())
        if (next.done === true) return
        this.bytes += next.value.length
        yield next.value
      }
    } finally {
      await iterator.return?.()
    }
  }

  #begin(): void {
    if (this.#open++ === 0) this.#since = performance.now()
  }

  #end(): void {
    if (--this.#open === 0) this.ms += performance.now() - this.#since
  }
}
