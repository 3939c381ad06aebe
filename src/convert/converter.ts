import type { ConfiguredDriver, Driver } from '../drivers/driver.ts'
import { AccelError, isAccelError } from '../errors/accel-error.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { isDigest, type Digest } from '../oci/digest.ts'
import { formatPlatform, type PlatformFilter } from '../oci/platform.ts'
import { SharedJobs, type Held } from '../streams/shared-jobs.ts'
import type { WorkDirectory } from '../store/work-directory.ts'
import type { ThreadPool } from '../threads/pool.ts'
import type { ImageSource, ImageTarget, PushedBlob } from '../transport/image-transport.ts'
import { assembleImage, assembleIndex, type AssembleInit, type Document } from './assemble.ts'
import { convertLayers, type LayerFile, type LayerParts } from './convert-layers.ts'
import type { ConversionEvent, LayerProgress } from './events.ts'
import { copyBlob, pushDocumentBlob, pushLayer, type PushInit, type PushParts } from './push.ts'
import type { ConversionReport, ImageReport, LayerReport } from './report.ts'
import {
  loadSource,
  type KeptMember,
  type SourceImage,
  type SourceIndex,
  type SourceNode,
} from './source-image.ts'

/** What is to be converted, and where the result goes. */
export interface ConversionRequest {
  source: ImageSource
  /** The source as the user wrote it, for messages and the report. */
  sourceName: string
  /** The tag, or digest, under which the source is read; absent where a layout has but one image. */
  sourceTag?: string
  /** The digest that is converted, where the caller knows it; the tag must still name it when the result is pushed. */
  sourceDigest?: Digest
  target: ImageTarget
  targetName: string
  targetTag: string
  /** The target is the repository of the source: `subject` may link to it, and kept blobs are there. */
  sameRepository: boolean
  /** Repositories of the target's registry from which blobs of the source can be mounted. */
  mountFrom: string[]
}

export interface ConverterInit {
  driver: Pick<Driver, 'name' | 'version'>
  configured: ConfiguredDriver
  platforms: PlatformFilter
  /** Writes upstream's `harbor_annotation` annotations. Images that carry them are never converted again. */
  annotate: boolean
}

export interface RunInit {
  signal: AbortSignal
  onEvent(event: ConversionEvent): void
}

/** Converts images with one driver and one set of options. */
export interface Converter {
  convert(request: ConversionRequest, init: RunInit): Promise<ConversionReport>
}

/** One image of the source with its converted layers. */
interface ConvertedImage {
  image: SourceImage
  layers: Held<LayerFile>[]
  config: Document
  manifest: Document
}

/**
 * Makes a converter. One conversion: the source is pinned by digest; its manifests are read; all layers of all
 * images are converted; the documents are assembled; only then blobs are pushed, then manifests by digest, the
 * root last under its tag, and only while the source's tag still names what was converted.
 */
export function createConverter(
  components: { threads: ThreadPool; work: WorkDirectory },
  init: ConverterInit,
): Converter {
  const parts: LayerParts = { ...components, jobs: new SharedJobs((file) => file.remove()) }
  return { convert: (request, run) => new Conversion(parts, init, request, run).run() }
}

class Conversion {
  readonly #parts: LayerParts
  readonly #init: ConverterInit
  readonly #request: ConversionRequest
  readonly #run: RunInit
  readonly #report: ConversionReport
  readonly #progress = new Map<string, LayerProgress>()

  constructor(parts: LayerParts, init: ConverterInit, request: ConversionRequest, run: RunInit) {
    this.#parts = parts
    this.#init = init
    this.#request = request
    this.#run = run
    this.#report = {
      source: request.sourceName,
      sourceDigest: request.sourceDigest ?? ('' as Digest),
      driver: { name: init.driver.name, version: init.driver.version },
      sourceSize: 0,
      targetSize: 0,
      images: [],
      kept: [],
      warnings: [],
      timings: { pullMs: 0, convertMs: 0, pushMs: 0, totalMs: 0 },
    }
  }

  async run(): Promise<ConversionReport> {
    const started = performance.now()
    const { sourceName, targetName } = this.#request
    const { timings } = this.#report
    const { onEvent, signal } = this.#run
    onEvent({ type: 'pulling', image: sourceName })
    const descriptor = await this.#resolve()
    this.#report.sourceDigest = descriptor.digest
    const loaded = await loadSource(this.#request.source, descriptor, {
      platforms: this.#init.platforms,
      signal,
    })
    if (loaded.skipped !== undefined) return this.#skip(loaded.skipped, started)
    const images = imagesOf(loaded.root)
    const layers = images.reduce((n, image) => n + image.manifest.layers.length, 0)
    timings.pullMs = performance.now() - started
    onEvent({ type: 'pulled', image: sourceName, cached: 0, layers, elapsedMs: timings.pullMs })

    onEvent({ type: 'converting', image: sourceName })
    const convertStarted = performance.now()
    const converted = await this.#convertImages(images)
    try {
      timings.convertMs = performance.now() - convertStarted
      onEvent({
        type: 'converted',
        image: targetName,
        cached: 0,
        layers,
        elapsedMs: timings.convertMs,
      })
      const pushStarted = performance.now()
      onEvent({ type: 'pushing', image: targetName })
      const superseded = await this.#push(loaded.root, converted)
      if (superseded) return this.#skip(superseded, started)
      timings.pushMs = performance.now() - pushStarted
      onEvent({ type: 'pushed', image: targetName, elapsedMs: timings.pushMs })
    } finally {
      await Promise.all(converted.flatMap((image) => image.layers.map((layer) => layer.release())))
    }
    return this.#done(started)
  }

  async #resolve(): Promise<Descriptor> {
    const { source, sourceTag, sourceDigest } = this.#request
    return source.resolve(sourceDigest ?? sourceTag, this.#run)
  }

  #skip(reason: string, started: number): ConversionReport {
    this.#report.skipped = reason
    this.#run.onEvent({ type: 'skipped', image: this.#request.sourceName, reason })
    return this.#done(started)
  }

  #done(started: number): ConversionReport {
    this.#report.timings.totalMs = performance.now() - started
    this.#run.onEvent({ type: 'done', report: this.#report })
    return this.#report
  }

  /** Converts all images side by side; when one fails the others are aborted and nothing is left on disk. */
  async #convertImages(images: readonly SourceImage[]): Promise<ConvertedImage[]> {
    const failed = new AbortController()
    const signal = AbortSignal.any([this.#run.signal, failed.signal])
    const work = images.map(async (image) => {
      try {
        return await this.#convertImage(image, signal)
      } catch (error) {
        failed.abort(error)
        throw error
      }
    })
    const settled = await Promise.allSettled(work)
    const done = settled.flatMap((image) => (image.status === 'fulfilled' ? [image.value] : []))
    if (done.length === images.length) return done
    await Promise.all(done.flatMap((image) => image.layers.map((layer) => layer.release())))
    throw failed.signal.reason
  }

  async #convertImage(image: SourceImage, signal: AbortSignal): Promise<ConvertedImage> {
    const { layers: converter } = this.#init.configured
    const layers = await convertLayers(this.#request.source, image, converter, this.#parts, {
      signal,
      onProgress: (layer) => this.#layerEvent(layer),
    })
    const results = layers.map((layer) => layer.value.result)
    const documents = assembleImage(image, results, this.#assembleInit())
    for (const [i, { kept, warnings }] of results.entries()) {
      const layer = `${image.what} layer ${i + 1}`
      if (kept) this.#warn(`${layer} is kept as it is, and pulled as a whole: ${kept}`)
      for (const warning of warnings) this.#warn(`${layer}: ${warning}`)
    }
    return { image, layers, ...documents }
  }

  #assembleInit(): AssembleInit {
    const { driver, configured, annotate } = this.#init
    return {
      driver,
      docker2oci: configured.docker2oci,
      subject: configured.withReferrer && this.#request.sameRepository,
      annotate,
    }
  }

  #warn(message: string): void {
    this.#report.warnings.push(message)
    this.#run.onEvent({ type: 'warning', image: this.#request.sourceName, message })
  }

  #layerEvent(layer: LayerProgress): void {
    const copy = { ...layer }
    this.#progress.set(`${copy.platform} ${copy.index}`, copy)
    this.#run.onEvent({ type: 'layer', layer: copy })
  }

  /** Pushes the result; returns why the tag was not written when the source's tag has moved meanwhile. */
  async #push(
    root: SourceImage | SourceIndex,
    converted: readonly ConvertedImage[],
  ): Promise<string | undefined> {
    const { request } = { request: this.#request }
    const parts: PushParts = {
      source: request.source,
      target: request.target,
      mountFrom: request.sameRepository ? [] : request.mountFrom,
    }
    const pushes = new Map<Digest, Promise<PushedBlob>>()
    for (const image of converted) await this.#pushImage(parts, image, pushes)
    const targets = new Map<Digest, Descriptor>(
      converted.map(({ image, manifest }) => [image.descriptor.digest, manifest.descriptor]),
    )
    for (const member of keptOf(root)) await this.#copyKept(parts, member)
    const rootDocument = await this.#pushDocuments(root, converted, targets)
    const moved = await this.#sourceMoved()
    if (moved) return moved
    await this.#pushManifest(rootDocument, root.descriptor.digest, request.targetTag)
    this.#report.target = request.targetName
    this.#report.targetDigest = rootDocument.descriptor.digest
    return undefined
  }

  /** Pushes layers and config of one image, each blob of the conversion once, and adds it to the report. */
  async #pushImage(
    parts: PushParts,
    converted: ConvertedImage,
    pushes: Map<Digest, Promise<PushedBlob>>,
  ): Promise<void> {
    const { image, layers, config, manifest } = converted
    const { signal } = this.#run
    const once = (descriptor: Descriptor, push: () => Promise<PushedBlob>): Promise<PushedBlob> => {
      const running = pushes.get(descriptor.digest) ?? push()
      if (!pushes.has(descriptor.digest)) {
        pushes.set(descriptor.digest, running)
        this.#report.targetSize += descriptor.size
      }
      return running
    }
    const outcomes = await Promise.all([
      ...layers.map(async ({ value }, i) => {
        const init = this.#pushProgress(image, i)
        const outcome = await once(value.result.descriptor, () => pushLayer(parts, value, init))
        this.#layerState(image, i, { state: 'pushed', pushed: value.result.descriptor.size })
        return outcome
      }),
      once(config.descriptor, () => pushDocumentBlob(parts, config, { signal })),
    ])
    this.#report.sourceSize += sizeOf([image.manifest.config, ...image.manifest.layers])
    this.#report.images.push(imageReport(image, layers, manifest, outcomes))
  }

  #pushProgress(image: SourceImage, i: number): PushInit {
    return {
      signal: this.#run.signal,
      onProgress: (pushed) => this.#layerState(image, i, { state: 'pushing', pushed }),
    }
  }

  #layerState(image: SourceImage, i: number, change: Partial<LayerProgress>): void {
    const known = this.#progress.get(`${formatPlatform(image.platform)} ${i + 1}`)
    if (known) this.#layerEvent({ ...known, ...change })
  }

  async #copyKept(parts: PushParts, member: KeptMember): Promise<void> {
    const { descriptor, reason } = member
    const { digest, mediaType } = descriptor
    this.#report.kept.push({ digest, mediaType, reason })
    for (const blob of member.blobs) await copyBlob(parts, blob, this.#run)
    await parts.target.pushManifest(member.bytes, descriptor, this.#run)
  }

  /** Pushes all manifests and indexes but the root's, which it returns, children first. */
  async #pushDocuments(
    node: SourceNode,
    converted: readonly ConvertedImage[],
    targets: Map<Digest, Descriptor>,
  ): Promise<Document> {
    if (node.kind === 'image') {
      return converted.find((one) => one.image === node)!.manifest
    }
    const { members } = node as SourceIndex
    for (const member of members) {
      if (member.kind === 'kept') continue
      const document = await this.#pushDocuments(member, converted, targets)
      targets.set(member.descriptor.digest, document.descriptor)
      await this.#pushManifest(document, member.descriptor.digest)
    }
    return assembleIndex(node as SourceIndex, targets, this.#assembleInit())
  }

  async #pushManifest(document: Document, source: Digest, tag?: string): Promise<void> {
    await this.#request.target.pushManifest(document.bytes, document.descriptor, {
      signal: this.#run.signal,
      ...(tag === undefined ? {} : { tag }),
      ...(this.#assembleInit().subject ? { subject: source } : {}),
    })
  }

  /** Why the source's tag no longer names what was converted, or undefined. */
  async #sourceMoved(): Promise<string | undefined> {
    const { source, sourceTag } = this.#request
    if (sourceTag === undefined || isDigest(sourceTag)) return undefined
    const pinned = this.#report.sourceDigest
    try {
      const { digest } = await source.resolve(sourceTag, this.#run)
      if (digest === pinned) return undefined
      return `the tag ${sourceTag} was moved from ${pinned} to ${digest} meanwhile`
    } catch (error) {
      if (!isAccelError(error, 'CONTENT_NOT_FOUND')) throw error
      return `the tag ${sourceTag} was deleted meanwhile`
    }
  }
}

function imagesOf(node: SourceNode): SourceImage[] {
  if (node.kind === 'image') return [node]
  return node.kind === 'index' ? node.members.flatMap(imagesOf) : []
}

function keptOf(node: SourceNode): KeptMember[] {
  if (node.kind === 'kept') return [node]
  return node.kind === 'index' ? node.members.flatMap(keptOf) : []
}

/** Bytes of the blobs, each counted once. */
function sizeOf(descriptors: readonly Descriptor[]): number {
  return [...new Map(descriptors.map((one) => [one.digest, one.size])).values()].reduce(
    (a, b) => a + b,
    0,
  )
}

function imageReport(
  image: SourceImage,
  layers: readonly Held<LayerFile>[],
  manifest: Document,
  outcomes: readonly PushedBlob[],
): ImageReport {
  return {
    platform: formatPlatform(image.platform),
    sourceDigest: image.descriptor.digest,
    targetDigest: manifest.descriptor.digest,
    layers: layers.map(({ value: { result } }, i) => {
      const source = image.manifest.layers[i]!
      const report: LayerReport = {
        source: { digest: source.digest, mediaType: source.mediaType, size: source.size },
        target: {
          digest: result.descriptor.digest,
          mediaType: result.descriptor.mediaType,
          size: result.descriptor.size,
        },
        sourceUncompressedSize: result.sourceUncompressedSize,
        targetUncompressedSize: result.uncompressedSize,
        entries: result.entries,
      }
      if (result.kept !== undefined) report.kept = result.kept
      const outcome = outcomes[i]
      if (outcome !== undefined) report.push = outcome
      return report
    }),
  }
}
