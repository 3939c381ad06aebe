import { layerContent, noContent } from '../drivers/content-table.ts'
import type { DriverContext, LayerConverter, LayerInput } from '../drivers/driver.ts'
import type { LayerResult } from '../drivers/layer-result.ts'
import type { LowerAnswers } from '../drivers/layer-content.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { layerType } from '../oci/media-type.ts'
import { formatPlatform } from '../oci/platform.ts'
import type { WorkDirectory } from '../store/work-directory.ts'
import type { Held, SharedJobs } from '../streams/shared-jobs.ts'
import type { ThreadPool } from '../threads/pool.ts'
import type { ImageSource } from '../transport/image-transport.ts'
import type { LayerProgress } from './events.ts'
import { answersKey, answersThatMatter } from './lower-answers.ts'
import type { SourceImage } from './source-image.ts'

/** A converted layer and the file that holds it; a kept layer has none. */
export interface LayerFile {
  result: LayerResult
  path?: string
  remove(): Promise<void>
}

/** What the conversion of layers needs; shared by all conversions of the process. */
export interface LayerParts {
  threads: ThreadPool
  work: WorkDirectory
  /** Joins identical layers of one image and of concurrent conversions. */
  jobs: SharedJobs<LayerFile>
}

export interface ConvertLayersInit {
  signal: AbortSignal
  /** Results say what the source layers hold. */
  list: boolean
  onProgress(layer: LayerProgress): void
}

/**
 * Converts the layers of one image, side by side. A layer whose content depends on what lies below is converted
 * again once the layers below are known. The caller releases what it is given. When one fails the others are
 * aborted, and their files removed.
 */
export async function convertLayers(
  source: ImageSource,
  image: SourceImage,
  converter: LayerConverter,
  parts: LayerParts,
  init: ConvertLayersInit,
): Promise<Held<LayerFile>[]> {
  const failed = new AbortController()
  const signal = AbortSignal.any([init.signal, failed.signal])
  const first: Promise<Held<LayerFile>>[] = []
  const final: Promise<Held<LayerFile>>[] = []
  for (const i of image.manifest.layers.keys()) {
    const run = (lower?: LowerAnswers): Promise<Held<LayerFile>> =>
      convertLayer(source, image, i, converter, parts, { ...init, signal }, lower)
    first.push(run())
    final.push(refined(i, first, run))
  }
  for (const layer of final) layer.catch((error: unknown) => failed.abort(error))
  const settled = await Promise.allSettled(final)
  const held = settled.flatMap((layer) => (layer.status === 'fulfilled' ? [layer.value] : []))
  const errors = settled.flatMap((layer) =>
    layer.status === 'rejected' ? [layer.reason as unknown] : [],
  )
  if (errors.length === 0) return held
  await Promise.all(held.map((layer) => layer.release()))
  throw rootCause(errors, failed.signal)
}

/** The error that came first: the others were aborted by it. */
function rootCause(errors: unknown[], failed: AbortSignal): unknown {
  return failed.aborted ? failed.reason : errors[0]
}

/** The layer as first converted, or converted with what it asked about the layers below where that matters. */
async function refined(
  i: number,
  first: readonly Promise<Held<LayerFile>>[],
  run: (lower: LowerAnswers) => Promise<Held<LayerFile>>,
): Promise<Held<LayerFile>> {
  const held = await first[i]!
  try {
    const { questions } = held.value.result.content
    if (questions.length === 0) return held
    const below = await Promise.all(first.slice(0, i))
    const answers = answersThatMatter(
      questions,
      below.map((layer) => layerContent(layer.value.result.content)),
    )
    if (!answers) return held
    const again = await run(answers)
    await held.release()
    return again
  } catch (error) {
    await held.release()
    throw error
  }
}

async function convertLayer(
  source: ImageSource,
  image: SourceImage,
  i: number,
  converter: LayerConverter,
  parts: LayerParts,
  init: ConvertLayersInit,
  lower: LowerAnswers | undefined,
): Promise<Held<LayerFile>> {
  const descriptor = image.manifest.layers[i]!
  const progress: LayerProgress = {
    platform: formatPlatform(image.platform),
    index: i + 1,
    digest: descriptor.digest,
    state: 'waiting',
    size: descriptor.size,
    consumed: 0,
    written: 0,
    pushed: 0,
  }
  const report = (change: Partial<LayerProgress>): void =>
    init.onProgress(Object.assign(progress, change))
  report({})
  if (isForeign(descriptor)) {
    report({ state: 'kept' })
    const value = foreignLayer(descriptor, image.config.rootfs.diff_ids[i]!)
    return { value, release: async () => {} }
  }
  const layer: LayerInput = {
    descriptor,
    diffId: image.config.rootfs.diff_ids[i]!,
    open: (signal) => source.blob(descriptor, { signal }),
    what: `${image.what} layer ${i + 1} (${descriptor.digest})`,
  }
  if (lower) layer.lower = lower
  const key = [
    converter.key,
    // The media type decides that of the result, the diffID is checked against the content.
    descriptor.mediaType,
    descriptor.digest,
    layer.diffId,
    lower ? answersKey(lower) : '',
  ].join('|')
  const held = await parts.jobs.join(key, init.signal, (signal) =>
    layerFile(layer, converter, parts, {
      threads: parts.threads,
      signal,
      list: init.list,
      progress: (consumed, written) => report({ state: 'converting', consumed, written }),
    }),
  )
  const { kept, descriptor: target } = held.value.result
  report({ state: kept ? 'kept' : 'converted', consumed: descriptor.size, written: target.size })
  return held
}

async function layerFile(
  layer: LayerInput,
  converter: LayerConverter,
  parts: LayerParts,
  context: Omit<DriverContext, 'ingestPath'>,
): Promise<LayerFile> {
  const ingest = parts.work.ingest()
  try {
    const result = await converter.convertLayer(layer, { ...context, ingestPath: ingest.path })
    if (result.kept === undefined) {
      return { result, path: ingest.path, remove: () => ingest.remove() }
    }
    await ingest.remove()
    return { result, remove: async () => {} }
  } catch (error) {
    await ingest.remove()
    throw error
  }
}

/** A layer that lies elsewhere than in the registry, by its media type and `urls`: it cannot be pulled from there. */
function isForeign(descriptor: Descriptor): boolean {
  return layerType(descriptor.mediaType)?.foreign === true && (descriptor.urls?.length ?? 0) > 0
}

function foreignLayer(descriptor: Descriptor, diffId: Digest): LayerFile {
  const kept = 'it is not in the registry but at the urls of its descriptor'
  const result: LayerResult = {
    descriptor,
    diffId,
    uncompressedSize: 0,
    sourceUncompressedSize: 0,
    kept,
    warnings: [],
    content: noContent(),
    entries: 0,
  }
  return { result, remove: async () => {} }
}
