import { open } from 'node:fs/promises'
import { layerContent, noContent } from '../drivers/content-table.ts'
import type { DriverContext, LayerConverter, LayerInput } from '../drivers/driver.ts'
import type { LayerResult } from '../drivers/layer-result.ts'
import type { CacheRecord } from '../cache/record.ts'
import type { LowerAnswers } from '../drivers/layer-content.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { layerType } from '../oci/media-type.ts'
import { formatPlatform } from '../oci/platform.ts'
import type { StoredLayer } from '../store/layer-store.ts'
import type { Store } from '../store/store.ts'
import { allOrNone } from '../streams/all-or-none.ts'
import type { Held, SharedJobs } from '../streams/shared-jobs.ts'
import { SOURCE_PIECE_SIZE } from '../threads/messages.ts'
import type { ThreadPool } from '../threads/pool.ts'
import type { ImageSource } from '../transport/image-transport.ts'
import { checkBlob } from '../verify/check-blob.ts'
import { checkRefLayer } from '../verify/check-ref-layer.ts'
import { referredLayer } from '../verify/layer-kind.ts'
import { viewLayer } from '../verify/view-layer.ts'
import type { LayerProgress } from './events.ts'
import type { ImageCache } from './recover-layer.ts'
import { answersKey, answersThatMatter } from './lower-answers.ts'
import type { SourceImage } from './source-image.ts'

/** A converted layer and the file that holds it; a kept layer has none. */
export interface LayerFile extends StoredLayer<LayerResult> {
  /** It was converted before, and found in the store or the cache. */
  found?: boolean
  /** What the cache had of it, where it came from there. */
  record?: CacheRecord
  /** It was converted for the layers below it. */
  refined?: boolean
}

/** What the conversion of layers needs; shared by all conversions of the process. */
export interface LayerParts {
  threads: ThreadPool
  store: Store<LayerResult>
  /** Joins identical layers of one image and of concurrent conversions. */
  jobs: SharedJobs<LayerFile>
}

export interface ConvertLayersInit {
  signal: AbortSignal
  /** Results say what the source layers hold. */
  list: boolean
  /** Who needs the layers, for as long as it has not been released in the store. */
  owner: string
  /** Layers that somebody converted before. */
  cache?: ImageCache
  onProgress(layer: LayerProgress): void
}

/**
 * Converts the layers of one image, side by side. A layer whose content depends on what lies below is converted
 * again once the layers below are known. The caller releases what it is given. When one fails the others are
 * aborted; the store keeps the layers that are finished as long as `owner` needs them.
 */
export async function convertLayers(
  source: ImageSource,
  image: SourceImage,
  converter: LayerConverter,
  parts: LayerParts,
  init: ConvertLayersInit,
): Promise<Held<LayerFile>[]> {
  const start = (signal: AbortSignal): Promise<Held<LayerFile>>[] => {
    const first: Promise<Held<LayerFile>>[] = []
    return image.manifest.layers.map((_, i) => {
      const run = (lower?: LowerAnswers): Promise<Held<LayerFile>> =>
        convertLayer(source, image, i, converter, parts, { ...init, signal }, lower)
      first.push(run())
      return refined(i, first, run)
    })
  }
  return allOrNone(init.signal, start, (done) => Promise.all(done.map((layer) => layer.release())))
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
    open: (signal) =>
      source.blob(descriptor, { signal, scratch: new Uint8Array(SOURCE_PIECE_SIZE) }),
    what: `${image.what} layer ${i + 1} (${descriptor.digest})`,
  }
  if (lower) layer.lower = lower
  const key = await layerKey(converter, layer, init.list)
  const held = await joinLayer(key, parts, init, (signal) =>
    layerFile(layer, converter, parts, {
      owner: init.owner,
      key,
      threads: parts.threads,
      signal,
      list: init.list,
      cache: init.cache,
      progress: (consumed, written) => report({ state: 'converting', consumed, written }),
    }),
  )
  if (lower) held.value.refined = true
  const { kept, descriptor: target } = held.value.result
  report({ state: kept ? 'kept' : 'converted', consumed: descriptor.size, written: target.size })
  return held
}

/** What the result of a layer is kept by. `list`: it says what the source holds. */
export async function layerKey(
  converter: Pick<LayerConverter, 'key'>,
  { descriptor, diffId, lower }: Pick<LayerInput, 'descriptor' | 'diffId' | 'lower'>,
  list: boolean,
): Promise<string> {
  // which form that is depends on a native binding, which is loaded with it
  const form = list ? (await import('../formats/listing/listing.ts')).LISTING_FORM : undefined
  return [
    converter.key,
    // The media type decides that of the result, the diffID is checked against the content.
    descriptor.mediaType,
    descriptor.digest,
    diffId,
    lower ? answersKey(lower) : '',
    form === undefined ? '' : `listed ${form}`,
  ].join('|')
}

/** Joins the conversion of a layer and takes a lease of it, again where it was let go in between. */
async function joinLayer(
  key: string,
  { jobs, store }: LayerParts,
  { owner, signal }: ConvertLayersInit,
  work: (signal: AbortSignal) => Promise<LayerFile>,
): Promise<Held<LayerFile>> {
  for (;;) {
    const held = await jobs.join(key, signal, work)
    if (store.layers.hold(owner, key)) return held
    await held.release()
  }
}

/** The layer of `key` from the store, or converted and put there. */
async function layerFile(
  layer: LayerInput,
  converter: LayerConverter,
  { store }: LayerParts,
  {
    owner,
    key,
    cache,
    ...context
  }: Omit<DriverContext, 'ingestPath'> & {
    owner: string
    key: string
    cache: ImageCache | undefined
  },
): Promise<LayerFile> {
  const stored = await store.layers.take(owner, key)
  if (stored !== undefined) return { ...stored, found: true }
  const cached = store.work.ingest()
  try {
    const recovered = await cache?.recover(layer, { ...context, path: cached.path })
    if (recovered !== undefined) {
      const { result, record } = recovered
      const { digest, size } = result.descriptor
      const kept = await store.layers.put(owner, key, result, { ingest: cached, digest, size })
      return { ...kept, found: true, record }
    }
  } finally {
    await cached.remove()
  }
  const ingest = store.work.ingest()
  const copy = store.work.ingest()
  try {
    const isCopied = context.list && converter.inPlace === true
    const source = isCopied ? copiedTo(copy.path, layer) : layer
    const made = await converter.convertLayer(source, { ...context, ingestPath: ingest.path })
    const { inflated, ...result } = made
    if (result.kept !== undefined) return await store.layers.put(owner, key, result)
    if (context.list) {
      // at once: other layers are still being converted, and who takes it from the store need not read it again
      const { what } = layer
      const blob = { what, descriptor: result.descriptor, path: ingest.path }
      const view = await viewLayer({ ...blob, inflated }, result.listing, context)
      if (view !== undefined) result.view = view
      const checkedBlob =
        referredLayer(result.descriptor) === undefined
          ? await checkBlob(blob, context)
          : await checkRefLayer({ ...blob, layer: copy.path }, context)
      if (checkedBlob !== undefined) result.checkedBlob = checkedBlob
    }
    const { digest, size } = result.descriptor
    return await store.layers.put(owner, key, result, { ingest, digest, size })
  } finally {
    await Promise.all([copy.remove(), ingest.remove()])
  }
}

/** The layer, whose bytes also go to the file `path` when they are read: it has those of the last time. */
function copiedTo(path: string, layer: LayerInput): LayerInput {
  return {
    ...layer,
    async *open(signal) {
      await using file = await open(path, 'w', 0o600)
      for await (const bytes of layer.open(signal)) {
        await file.writeFile(bytes)
        yield bytes
      }
    },
  }
}

/** A layer that lies elsewhere than in the registry, by its media type and `urls`: it cannot be pulled from there. */
export function isForeign(descriptor: Descriptor): boolean {
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
  return { result }
}
