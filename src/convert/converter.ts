import type { ConfiguredDriver, Driver, ImageConverter } from '../drivers/driver.ts'
import type { FinishedImage, ImageContext, OpenedImage } from '../drivers/image-step.ts'
import { isAccelError } from '../errors/accel-error.ts'
import { isDigest, type Digest } from '../oci/digest.ts'
import type { PlatformFilter } from '../oci/platform.ts'
import type { ImageFacts } from '../rules/facts.ts'
import type { ImageSource, ImageTarget } from '../transport/image-transport.ts'
import { assembleImage, type AssembleInit } from './assemble.ts'
import { convertLayers, type LayerFile, type LayerParts } from './convert-layers.ts'
import type { ConversionEvent } from './events.ts'
import { openImageFiles, replaceLayers, type ImageFiles } from './finish-image.ts'
import { factsOf } from './image-facts.ts'
import { ProgressBook } from './layer-progress.ts'
import {
  pushBelowRoot,
  pushDocument,
  type ConvertedImage,
  type ResultPushInit,
} from './push-result.ts'
import type { ConversionReport } from './report.ts'
import type { Held } from '../streams/shared-jobs.ts'
import { verifyFinished } from './verify-finished.ts'
import { loadSource, type SourceImage, type SourceIndex, type SourceNode } from './source-image.ts'

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
  /** Opens an image that an option of the driver names. Throws REFERENCE_…. */
  openImage(reference: string): Promise<OpenedImage>
  /** Looks at what the manifests say; returns why the image is not to be converted. @default every image is */
  admit?(image: ImageFacts): string | undefined
}

export interface ConverterInit {
  driver: Pick<Driver, 'name' | 'version'>
  configured: ConfiguredDriver
  platforms: PlatformFilter
  /** Writes upstream's `harbor_annotation` annotations. Images that carry them are never converted again. */
  annotate: boolean
  /** Compares each image with its source before anything is pushed. */
  verify: boolean
}

export interface RunInit {
  signal: AbortSignal
  onEvent(event: ConversionEvent): void
}

/** Converts images with one driver and one set of options. */
export interface Converter {
  convert(request: ConversionRequest, init: RunInit): Promise<ConversionReport>
}

/**
 * Makes a converter. One conversion: the source is pinned by digest; its manifests are read; all layers of all
 * images are converted; the documents are assembled; only then blobs are pushed, then manifests by digest, the
 * root last under its tag, and only while the source's tag still names what was converted.
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

  constructor(parts: LayerParts, init: ConverterInit, request: ConversionRequest, run: RunInit) {
    this.#parts = parts
    this.#init = init
    this.#request = request
    this.#run = run
    this.#progress = new ProgressBook(run.onEvent)
  }

  async run(): Promise<ConversionReport> {
    const clock = stopwatch()
    const { source, sourceName, sourceTag, sourceDigest } = this.#request
    this.#run.onEvent({ type: 'pulling', image: sourceName })
    const descriptor = await source.resolve(sourceDigest ?? sourceTag, this.#run)
    const report = this.#emptyReport(descriptor.digest)
    const { platforms } = this.#init
    const loaded = await loadSource(source, descriptor, { platforms, signal: this.#run.signal })
    report.timings.pullMs = clock.lap()
    if (loaded.skipped === undefined) {
      const refused = this.#request.admit?.(factsOf(loaded.root))
      if (refused === undefined) await this.#convertAndPush(loaded.root, report, clock)
      else this.#skip(refused, report)
    } else {
      this.#skip(loaded.skipped, report)
    }
    report.timings.totalMs = clock.total()
    this.#run.onEvent({ type: 'done', report })
    return report
  }

  async #convertAndPush(
    root: SourceImage | SourceIndex,
    report: ConversionReport,
    clock: Stopwatch,
  ): Promise<void> {
    const { sourceName, targetName } = this.#request
    const { onEvent } = this.#run
    const { timings } = report
    const images = imagesOf(root)
    const layers = images.reduce((n, image) => n + image.manifest.layers.length, 0)
    onEvent({ type: 'pulled', image: sourceName, cached: 0, layers, elapsedMs: timings.pullMs })
    onEvent({ type: 'converting', image: sourceName })
    const files = openImageFiles(this.#parts.work)
    let converted: ConvertedImage[] = []
    try {
      converted = await this.#convertImages(images, files, report)
      const elapsedMs = (timings.convertMs = clock.lap())
      onEvent({ type: 'converted', image: targetName, cached: 0, layers, elapsedMs })
      onEvent({ type: 'pushing', image: targetName })
      const moved = await this.#push(root, converted, report)
      timings.pushMs = clock.lap()
      if (moved) this.#skip(moved, report)
      else onEvent({ type: 'pushed', image: targetName, elapsedMs: timings.pushMs })
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
  ): Promise<ConvertedImage[]> {
    const failed = new AbortController()
    const signal = AbortSignal.any([this.#run.signal, failed.signal])
    const context = {
      threads: this.#parts.threads,
      signal,
      newFile: files.newFile,
      openImage: this.#request.openImage,
    }
    const { configured } = this.#init
    const converter = (await configured.prepare?.(context)) ?? configured
    const work = images.map(async (image) => {
      try {
        return await this.#convertImage(image, converter, context, report)
      } catch (error) {
        failed.abort(error)
        throw error
      }
    })
    const settled = await Promise.allSettled(work)
    const done = settled.flatMap((image) => (image.status === 'fulfilled' ? [image.value] : []))
    if (done.length === images.length) return done
    await releaseAll(done)
    throw failed.signal.reason
  }

  async #convertImage(
    image: SourceImage,
    converter: ImageConverter,
    context: ImageContext,
    report: ConversionReport,
  ): Promise<ConvertedImage> {
    const layers = await convertLayers(this.#request.source, image, converter.layers, this.#parts, {
      signal: context.signal,
      list: this.#init.verify,
      onProgress: (layer) => this.#progress.set({ ...layer }),
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
      return { image, layers, finished, manifests }
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
    const converted = layers.map(({ value }) => value)
    const verified = await verifyFinished(converted, finished, { what, threads, signal })
    if ('unverified' in verified) {
      this.#warn(`${what} was not compared with its source: ${verified.unverified}`, report)
    } else report.verifiedPaths = (report.verifiedPaths ?? 0) + verified.paths
  }

  /** Pushes the result; returns why the tag was not written when the source's tag has moved meanwhile. */
  async #push(
    root: SourceImage | SourceIndex,
    converted: readonly ConvertedImage[],
    report: ConversionReport,
  ): Promise<string | undefined> {
    const { source, target, sameRepository, mountFrom, targetTag, targetName } = this.#request
    const init: ResultPushInit = {
      parts: { source, target, mountFrom: sameRepository ? [] : mountFrom },
      assemble: this.#assembleInit(),
      signal: this.#run.signal,
      progress: this.#progress,
      report,
    }
    const document = await pushBelowRoot(root, converted, init)
    const moved = await this.#sourceMoved(root.descriptor.digest)
    if (moved) return moved
    await pushDocument(document, init, targetTag)
    report.target = targetName
    report.targetDigest = document.descriptor.digest
    return undefined
  }

  /** Why the source's tag no longer names `pinned`, or undefined. */
  async #sourceMoved(pinned: Digest): Promise<string | undefined> {
    const { source, sourceTag } = this.#request
    if (sourceTag === undefined || isDigest(sourceTag)) return undefined
    try {
      const { digest } = await source.resolve(sourceTag, this.#run)
      if (digest === pinned) return undefined
      return `the tag ${sourceTag} was moved from ${pinned} to ${digest} meanwhile`
    } catch (error) {
      if (!isAccelError(error, 'CONTENT_NOT_FOUND')) throw error
      return `the tag ${sourceTag} was deleted meanwhile`
    }
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

  #skip(reason: string, report: ConversionReport): void {
    report.skipped = reason
    this.#run.onEvent({ type: 'skipped', image: this.#request.sourceName, reason })
  }

  #warn(message: string, report: ConversionReport): void {
    report.warnings.push(message)
    this.#run.onEvent({ type: 'warning', image: this.#request.sourceName, message })
  }
}

async function releaseAll(images: readonly ConvertedImage[]): Promise<void> {
  await Promise.all(images.flatMap((image) => image.layers.map((layer) => layer.release())))
}

function imagesOf(node: SourceNode): SourceImage[] {
  if (node.kind === 'image') return [node]
  return node.kind === 'index' ? node.members.flatMap(imagesOf) : []
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
