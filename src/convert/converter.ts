import type { ConfiguredDriver, Driver, ImageConverter } from '../drivers/driver.ts'
import type { FinishedImage, ImageContext, OpenedImage } from '../drivers/image-step.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { PlatformFilter } from '../oci/platform.ts'
import type { ImageFacts } from '../rules/facts.ts'
import type { Reservation } from '../store/disk-budget.ts'
import type { ImageSource, ImageTarget } from '../transport/image-transport.ts'
import { assembleImage, type AssembleInit } from './assemble.ts'
import { convertLayers, type LayerFile, type LayerParts } from './convert-layers.ts'
import type { ConversionEvent } from './events.ts'
import { openImageFiles, replaceLayers, type ImageFiles } from './finish-image.ts'
import { diskNeed } from './disk-need.ts'
import { factsOf } from './image-facts.ts'
import { growthOf } from './growth.ts'
import { findKnownResult, moveTag } from './known-result.ts'
import type { LayerCache } from './layer-cache.ts'
import { ProgressBook } from './layer-progress.ts'
import type { PushParts } from './push.ts'
import type { Placements } from '../store/placements.ts'
import {
  pushBelowRoot,
  pushDocument,
  type ConvertedImage,
  type ResultPushInit,
} from './push-result.ts'
import type { ConversionReport } from './report.ts'
import { allOrNone } from '../streams/all-or-none.ts'
import type { Held } from '../streams/shared-jobs.ts'
import { imagesOf, loadSource, type SourceImage, type SourceIndex } from './source-image.ts'
import { movedTag, signalOfLastRequest, type MovedTag } from './source-tag.ts'

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
  /** The target, where it can be read as well: earlier results are then looked for. */
  targetAsSource?: ImageSource
  /** Where the target is, in a registry. */
  place?: { host: string; repository: string }
  /** The target is the repository of the source: `subject` may link to it, and kept blobs are there. */
  sameRepository: boolean
  /** Repositories of the target's registry from which blobs of the source can be mounted. */
  mountFrom: string[]
  /** Layers that were converted before, in the registry. */
  cache?: LayerCache
  /** Opens an image that an option of the driver names. Throws REFERENCE_…. */
  openImage(reference: string): Promise<OpenedImage>
  /** Looks at what the manifests say; returns why the image is not to be converted. @default every image is */
  admit?(image: ImageFacts): string | undefined
}

export interface ConverterInit {
  driver: Pick<Driver, 'name' | 'version'>
  configured: ConfiguredDriver
  platforms: PlatformFilter
  /** All that decides the result besides the source, as one text. */
  recipe: string
  /** Writes upstream's `harbor_annotation` annotations. Images that carry them are never converted again. */
  annotate: boolean
  /** Compares each image with its source before anything is pushed. */
  verify: boolean
  /** Per cent by which the result may be larger than the source without a warning. */
  growthWarning: number
}

export interface RunInit {
  signal: AbortSignal
  /**
   * Who needs the layers that are finished, also when the conversion fails or the process dies, and releases them in
   * the end. @default they are released when the conversion ends
   */
  owner?: string
  onEvent(event: ConversionEvent): void
}

/** Converts images with one driver and one set of options. */
export interface Converter {
  convert(request: ConversionRequest, init: RunInit): Promise<ConversionReport>
}

/**
 * Makes a converter. One conversion: the source is pinned by digest; its manifests are read; all layers of all
 * images are converted; the documents are assembled; only then blobs are pushed, then manifests by digest, the
 * root last under its tag, and only while the source's tag still names what was converted. Where the target has an
 * earlier result of the same image by the same recipe, only its tag is written.
 */
export function createConverter(parts: LayerParts, init: ConverterInit): Converter {
  return { convert: (request, run) => new Conversion(parts, init, request, run).run() }
}

/** One conversion under way. */
class Conversion {
  readonly #parts: LayerParts
  readonly #init: ConverterInit
  readonly #request: ConversionRequest
  readonly #run: RunInit
  readonly #progress: ProgressBook
  readonly #owner: string

  constructor(parts: LayerParts, init: ConverterInit, request: ConversionRequest, run: RunInit) {
    this.#owner = run.owner ?? parts.store.newOwner()
    this.#parts = parts
    this.#init = init
    this.#request = request
    this.#run = run
    this.#progress = new ProgressBook(run.onEvent)
  }

  async run(): Promise<ConversionReport> {
    const clock = stopwatch()
    const { source, sourceName, sourceTag, sourceDigest } = this.#request
    const { signal } = this.#run
    this.#run.onEvent({ type: 'pulling', image: sourceName })
    const moved = sourceDigest && (await movedTag(this.#request, sourceDigest, signal))
    const report = this.#emptyReport(
      sourceDigest ?? (await source.resolve(sourceTag, this.#run)).digest,
    )
    if (moved) this.#skipMoved(moved, report)
    else await this.#runPinned(report, clock)
    report.timings.totalMs = clock.total()
    this.#run.onEvent({ type: 'done', report })
    return report
  }

  async #runPinned(report: ConversionReport, clock: Stopwatch): Promise<void> {
    const { source } = this.#request
    const { platforms } = this.#init
    const descriptor = await source.resolve(report.sourceDigest, this.#run)
    const loaded = await loadSource(source, descriptor, { platforms, signal: this.#run.signal })
    report.timings.pullMs = clock.lap()
    if (loaded.skipped !== undefined) return this.#skip(loaded.skipped, report)
    const refused = this.#request.admit?.(factsOf(loaded.root))
    if (refused !== undefined) return this.#skip(refused, report)
    if (await this.#reuse(descriptor, report)) return
    try {
      await this.#convertAndPush(loaded.root, report, clock)
    } finally {
      if (this.#run.owner === undefined) this.#parts.store.layers.release(this.#owner)
    }
  }

  /** Lets the target's tag name an earlier result of the same image, where there is one. */
  async #reuse({ digest }: Descriptor, report: ConversionReport): Promise<boolean> {
    const { signal } = this.#run
    const { results } = this.#parts.store
    const { recipe, configured } = this.#init
    if (configured.reusable === false) return false
    const known = await findKnownResult(this.#request, digest, recipe, results, signal)
    if (known === undefined) return false
    const moved = await movedTag(this.#request, digest, signal)
    if (moved) {
      this.#skipMoved(moved, report)
      return true
    }
    {
      using last = signalOfLastRequest(signal)
      await moveTag(this.#request, known.descriptor, last.signal)
    }
    const { sourceSize, targetSize } = known
    Object.assign(report, { sourceSize, targetSize, reused: true })
    const { targetName: image } = this.#request
    this.#run.onEvent({ type: 'reused', image, digest: known.target })
    return this.#tagged(known.target, report).then(() => true)
  }

  async #convertAndPush(
    root: SourceImage | SourceIndex,
    report: ConversionReport,
    clock: Stopwatch,
  ): Promise<void> {
    const { sourceName, targetName } = this.#request
    const { onEvent, signal } = this.#run
    const { timings } = report
    const images = imagesOf(root)
    const layers = images.reduce((n, image) => n + image.manifest.layers.length, 0)
    onEvent({ type: 'pulled', image: sourceName, cached: 0, layers, elapsedMs: timings.pullMs })
    const bytes = diskNeed(images)
    using room = await this.#parts.store.disk.reserve(bytes, {
      signal,
      onWait: () => onEvent({ type: 'waiting for disk', image: sourceName, bytes }),
    })
    onEvent({ type: 'converting', image: sourceName })
    const files = openImageFiles(this.#parts.store.work)
    let converted: ConvertedImage[] = []
    try {
      converted = await this.#convertImages(images, files, report, room)
      const cached = converted.flatMap((image) => image.layers).filter(({ value }) => value.found)
      const elapsedMs = (timings.convertMs = clock.lap())
      onEvent({ type: 'converted', image: targetName, cached: cached.length, layers, elapsedMs })
      onEvent({ type: 'pushing', image: targetName })
      const moved = await this.#push(root, converted, report)
      timings.pushMs = clock.lap()
      if (moved) return this.#skipMoved(moved, report)
      onEvent({ type: 'pushed', image: targetName, elapsedMs: timings.pushMs })
      await this.#request.cache?.write(converted, signal)
      const grown = growthOf(report, this.#init.growthWarning)
      if (grown !== undefined) this.#warn(grown, report)
    } finally {
      await releaseAll(converted)
      await files.remove()
    }
  }

  /** Converts all images side by side; when one fails the others are aborted and nothing is left on disk. */
  async #convertImages(
    images: readonly SourceImage[],
    files: ImageFiles,
    report: ConversionReport,
    room: Reservation,
  ): Promise<ConvertedImage[]> {
    const context = {
      threads: this.#parts.threads,
      signal: this.#run.signal,
      newFile: files.newFile,
      openImage: this.#request.openImage,
    }
    const { configured } = this.#init
    const converter = (await configured.prepare?.(context)) ?? configured
    const start = (signal: AbortSignal): Promise<ConvertedImage>[] =>
      images.map((image) =>
        this.#convertImage(image, converter, { ...context, signal }, report, room),
      )
    return allOrNone(context.signal, start, releaseAll)
  }

  async #convertImage(
    image: SourceImage,
    converter: ImageConverter,
    context: ImageContext,
    report: ConversionReport,
    room: Reservation,
  ): Promise<ConvertedImage> {
    const { key } = converter.layers
    const { cache: remote } = this.#request
    const cache = await remote?.forImage(image.platform, converter.layers, context.signal)
    const layers = await convertLayers(this.#request.source, image, converter.layers, this.#parts, {
      signal: context.signal,
      list: this.#init.verify,
      ...(cache === undefined ? {} : { cache }),
      owner: this.#owner,
      onProgress: (layer) => {
        this.#progress.set({ ...layer })
        room.used(this.#progress.written)
      },
    })
    try {
      for (const [i, layer] of layers.entries()) {
        const { kept, warnings } = layer.value.result
        const what = `${image.what} layer ${i + 1}`
        if (kept) this.#warn(`${what} is kept as it is and pulled as a whole: ${kept}`, report)
        for (const warning of warnings) this.#warn(`${what}: ${warning}`, report)
      }
      const { variants = [] } = this.#init.configured
      const step = converter.finishImage ?? replaceLayers(variants)
      const finished = await step(
        { ...image, reference: this.#request.sourceName },
        layers.map(({ value }) => value),
        context,
      )
      for (const warning of finished.warnings) this.#warn(`${image.what}: ${warning}`, report)
      await this.#verify(image.what, layers, finished, context, report)
      const manifests = assembleImage(image, finished.manifests, this.#assembleInit())
      return { image, layers, finished, manifests, key }
    } catch (error) {
      await Promise.all(layers.map((layer) => layer.release()))
      throw error
    }
  }

  async #verify(
    what: string,
    layers: readonly Held<LayerFile>[],
    finished: FinishedImage,
    { threads, signal }: ImageContext,
    report: ConversionReport,
  ): Promise<void> {
    if (!this.#init.verify) return
    // readers of every format: not for those who want no comparison
    const { verifyFinished } = await import('./verify-finished.ts')
    const converted = layers.map(({ value }) => value)
    const verified = await verifyFinished(converted, finished, { what, threads, signal })
    if ('unverified' in verified) {
      this.#warn(`${what} was not compared with its source: ${verified.unverified}`, report)
    } else report.verifiedPaths = (report.verifiedPaths ?? 0) + verified.paths
  }

  /** Pushes the result; without writing the tag when the source's tag has moved meanwhile, which is then returned. */
  async #push(
    root: SourceImage | SourceIndex,
    converted: readonly ConvertedImage[],
    report: ConversionReport,
  ): Promise<MovedTag | undefined> {
    const { source: from, target, sameRepository, mountFrom, targetTag } = this.#request
    const { targetAsSource, place } = this.#request
    const init: ResultPushInit = {
      parts: {
        source: from,
        target,
        mountFrom: sameRepository ? [] : mountFrom,
        ...(place === undefined ? {} : { places: placesIn(place, this.#parts.store.placements) }),
      },
      assemble: this.#assembleInit(),
      signal: this.#run.signal,
      progress: this.#progress,
      report,
    }
    const document = await pushBelowRoot(root, converted, init)
    const source = root.descriptor.digest
    const moved = await movedTag(this.#request, source, init.signal)
    if (moved) return moved
    {
      using last = signalOfLastRequest(init.signal)
      await pushDocument(document, { ...init, signal: last.signal }, targetTag)
    }
    const { digest } = document.descriptor
    if (targetAsSource !== undefined) {
      const { sourceSize, targetSize } = report
      const key = { source, recipe: this.#init.recipe, repository: target.name }
      this.#parts.store.results.remember(key, { target: digest, sourceSize, targetSize })
    }
    await this.#tagged(digest, report)
    return undefined
  }

  /** The tag was written; when the source's was moved just before that, somebody has to convert what it names now. */
  async #tagged(digest: Digest, report: ConversionReport): Promise<void> {
    report.target = this.#request.targetName
    report.targetDigest = digest
    const moved = await movedTag(this.#request, report.sourceDigest, this.#run.signal)
    if (moved?.to !== undefined) report.movedTo = moved.to
  }

  #assembleInit(): AssembleInit {
    const { driver, configured, annotate } = this.#init
    const { docker2oci, withReferrer } = configured
    return {
      driver,
      docker2oci,
      subject: withReferrer && this.#request.sameRepository,
      annotate,
    }
  }

  #emptyReport(sourceDigest: Digest): ConversionReport {
    const { name, version } = this.#init.driver
    return {
      source: this.#request.sourceName,
      sourceDigest,
      driver: { name, version },
      sourceSize: 0,
      targetSize: 0,
      images: [],
      kept: [],
      warnings: [],
      timings: { pullMs: 0, convertMs: 0, pushMs: 0, totalMs: 0 },
    }
  }

  #skipMoved({ reason, to }: MovedTag, report: ConversionReport): void {
    if (to !== undefined) report.movedTo = to
    this.#skip(reason, report)
  }

  #skip(reason: string, report: ConversionReport): void {
    report.skipped = reason
    this.#run.onEvent({ type: 'skipped', image: this.#request.sourceName, reason })
  }

  #warn(message: string, report: ConversionReport): void {
    report.warnings.push(message)
    this.#run.onEvent({ type: 'warning', image: this.#request.sourceName, message })
  }
}

/** Blobs as one repository's pushes find and remember them. */
function placesIn(
  { host, repository }: { host: string; repository: string },
  placements: Placements,
): NonNullable<PushParts['places']> {
  return {
    find: (blob) => placements.find(blob, host).filter((one) => one !== repository),
    add: (blob) => placements.add(blob, host, repository),
  }
}

async function releaseAll(images: readonly ConvertedImage[]): Promise<void> {
  await Promise.all(images.flatMap((image) => image.layers.map((layer) => layer.release())))
}

interface Stopwatch {
  /** Milliseconds since the last lap. */
  lap(): number
  total(): number
}

function stopwatch(): Stopwatch {
  const started = performance.now()
  let last = started
  return {
    lap() {
      const now = performance.now()
      const elapsed = now - last
      last = now
      return elapsed
    },
    total: () => performance.now() - started,
  }
}
