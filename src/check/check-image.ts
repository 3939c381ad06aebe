import { open } from 'node:fs/promises'
import { loadSource, type SourceImage, type SourceNode } from '../convert/source-image.ts'
import { AccelError } from '../errors/accel-error.ts'
import { TOC_DIGEST_ANNOTATION } from '../formats/estargz/layout.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { layerType } from '../oci/media-type.ts'
import { formatPlatform, type PlatformFilter } from '../oci/platform.ts'
import type { WorkDirectory } from '../store/work-directory.ts'
import { moduleBeside } from '../threads/start-thread.ts'
import type { ThreadPool } from '../threads/pool.ts'
import type { ImageSource, RangedSource } from '../transport/image-transport.ts'
import type { CompareJobData, CompareJobResult, ViewFormat } from '../verify/compare-job.ts'
import type { LazyLayerJobData, LazyLayerJobResult } from '../verify/lazy-layer-job.ts'
import type { ListingData } from '../verify/listing-data.ts'
import type { NydusImageJobData, NydusImageJobResult } from '../verify/nydus-image-job.ts'
import type { CheckedImage, CheckReport } from './report.ts'
import { isEmptyMark, layerKind, targetImages, type TargetImage } from './target-image.ts'

const job = (name: string): string => moduleBeside(import.meta.url, `../verify/${name}`)
const LIST_LAYER = job('list-layer-job')
const LAZY_LAYER = job('lazy-layer-job')
const NYDUS_IMAGE = job('nydus-image-job')
const COMPARE = job('compare-job')

/** One end: where it is, what it is called, and its root. */
export interface CheckedEnd<Transport> {
  transport: Transport
  name: string
  root: Descriptor
}

export interface CheckParts {
  threads: ThreadPool
  work: WorkDirectory
}

export interface CheckInit {
  platforms: PlatformFilter
  signal: AbortSignal
  /** Told what is being done, in a few words. */
  onStep(text: string): void
}

/** Bytes that are asked for in the middle of a blob, to see whether the registry gives parts. */
const RANGE_SIZE = 4096

/**
 * Compares each image of `target` with the image of `source` that it was made from, path by path, as the readers of its
 * format see it: without root, mounts or FUSE. All blobs of both are pulled and verified; those of one target image are
 * in the work directory at a time. Throws CONTENT_…, REGISTRY_…, IMAGE_…, FORMAT_… for what cannot be read at all.
 */
export async function checkImages(
  source: CheckedEnd<ImageSource>,
  target: CheckedEnd<RangedSource>,
  parts: CheckParts,
  init: CheckInit,
): Promise<CheckReport> {
  const originals = await sourceImages(source, init)
  const trees = new Map<Digest, Promise<ListingData[]>>()
  const images: CheckedImage[] = []
  for (const image of await targetImages(target.transport, target.root, target.name, init.signal)) {
    const original = originalOf(image, originals)
    const key = original.descriptor.digest
    const tree = trees.get(key) ?? sourceLayers(source.transport, original, parts, init)
    trees.set(key, tree)
    images.push(
      await new ImageCheck(target.transport, image, parts, init).run(original, await tree),
    )
  }
  return { images, passed: images.every(({ problems }) => problems === 0) }
}

async function sourceImages(
  { transport, root, name }: CheckedEnd<ImageSource>,
  { platforms, signal }: CheckInit,
): Promise<SourceImage[]> {
  const loaded = await loadSource(transport, root, { platforms, signal })
  if (loaded.skipped !== undefined) {
    throw new AccelError('CHECK_SOURCE_UNUSABLE', { source: name, why: loaded.skipped })
  }
  return imagesBelow(loaded.root)
}

function imagesBelow(node: SourceNode): SourceImage[] {
  if (node.kind === 'image') return [node]
  return node.kind === 'index' ? node.members.flatMap(imagesBelow) : []
}

/** The source image of the same platform. */
function originalOf({ platform, what }: TargetImage, originals: SourceImage[]): SourceImage {
  const wanted = formatPlatform(platform)
  const found = originals.find((one) => formatPlatform(one.platform) === wanted)
  const only = originals.length === 1 ? originals[0] : undefined
  const original = found ?? only
  if (original !== undefined) return original
  throw new AccelError('CHECK_NO_ORIGINAL', { target: what, platform: wanted })
}

/** What the layers of a source image hold, the lowest first. */
async function sourceLayers(
  transport: ImageSource,
  image: SourceImage,
  { threads }: CheckParts,
  { signal, onStep }: CheckInit,
): Promise<ListingData[]> {
  onStep(`reading ${image.what}`)
  return Promise.all(
    image.manifest.layers.map((descriptor, i) =>
      threads.run<ListingData>({
        what: `${image.what} layer ${i + 1} (${descriptor.digest})`,
        call: {
          module: LIST_LAYER,
          data: {
            what: `${image.what} layer ${i + 1} (${descriptor.digest})`,
            diffId: image.config.rootfs.diff_ids[i]!,
            compression: layerType(descriptor.mediaType)!.compression,
          },
        },
        open: (stop) => transport.blob(descriptor, { signal: stop }),
        slabSize: NO_SLABS,
        signal,
      }),
    ),
  )
}

const NO_SLABS = { input: 0, output: 0 }

/** The check of one image. */
class ImageCheck {
  readonly #target: RangedSource
  readonly #image: TargetImage
  readonly #parts: CheckParts
  readonly #init: CheckInit
  readonly #report: CheckedImage

  constructor(target: RangedSource, image: TargetImage, parts: CheckParts, init: CheckInit) {
    this.#target = target
    this.#image = image
    this.#parts = parts
    this.#init = init
    const { what, descriptor } = image
    this.#report = {
      image: what,
      digest: descriptor.digest,
      source: '',
      views: [],
      findings: [],
      problems: 0,
      notes: [],
    }
  }

  async run(original: SourceImage, source: ListingData[]): Promise<CheckedImage> {
    const { what, manifest } = this.#image
    this.#report.source = original.what
    this.#init.onStep(`reading ${what}`)
    this.#checkSubject(original)
    const kinds = manifest.layers.map(layerKind)
    if (kinds.includes('nydus-bootstrap')) await this.#checkNydus(source)
    else
      await this.#checkLayers(source, kinds.includes('zstd-chunked') ? 'zstd-chunked' : 'estargz')
    return this.#report
  }

  async #checkNydus(source: ListingData[]): Promise<void> {
    const { layers } = this.#image.manifest
    await using files = new PulledFiles(this.#target, this.#parts.work, this.#init.signal)
    const blobs = new Map<string, string>()
    let bootstrap = ''
    for (const layer of layers) {
      const path = await files.pull(layer)
      await this.#checkRange(layer, path)
      if (layerKind(layer) === 'nydus-bootstrap') bootstrap = path
      else blobs.set(layer.digest.slice('sha256:'.length), path)
    }
    const data: NydusImageJobData = { what: this.#image.what, bootstrap, blobs }
    const { listing, findings, count } = await this.#run<NydusImageJobResult>(NYDUS_IMAGE, data)
    this.#found(findings, count)
    await this.#compare(source, [listing], 'nydus')
  }

  /** eStargz and zstd:chunked: two views of each layer. What is not lazy is the same in both. */
  async #checkLayers(source: ListingData[], format: 'estargz' | 'zstd-chunked'): Promise<void> {
    const { manifest, config } = this.#image
    const views = await Promise.all(
      manifest.layers.map(async (layer, i) => {
        if (isEmptyMark(layer)) return undefined
        const diffId = config.rootfs.diff_ids[i]!
        const kind = layerKind(layer)
        return kind === 'ordinary'
          ? this.#ordinaryLayer(layer, diffId)
          : this.#lazyLayer(layer, diffId, kind as 'estargz' | 'zstd-chunked')
      }),
    )
    const all = views.filter((view) => view !== undefined)
    if (all.some(({ lazy }) => lazy !== undefined)) {
      await this.#compare(
        source,
        all.map(({ lazy, ordinary }) => lazy ?? ordinary),
        format,
      )
    }
    await this.#compare(
      source,
      all.map(({ ordinary }) => ordinary),
      'ordinary',
    )
  }

  async #lazyLayer(
    layer: Descriptor,
    diffId: Digest,
    format: 'estargz' | 'zstd-chunked',
  ): Promise<{ lazy?: ListingData; ordinary: ListingData }> {
    await using files = new PulledFiles(this.#target, this.#parts.work, this.#init.signal)
    const path = await files.pull(layer)
    await this.#checkRange(layer, path)
    const { annotations } = layer
    const tocDigest = annotations?.[TOC_DIGEST_ANNOTATION]
    const data: LazyLayerJobData = {
      what: this.#name(layer),
      path,
      format,
      ...(annotations === undefined ? {} : { annotations }),
      ...(tocDigest === undefined ? {} : { tocDigest }),
    }
    const view = await this.#run<LazyLayerJobResult>(LAZY_LAYER, data)
    this.#found(view.findings, view.count)
    if (view.diffId !== diffId) {
      const problem = `the config says that its diffID is ${diffId}, its tar has ${view.diffId}`
      this.#found([{ path: layer.digest, problem }], 1)
    }
    return view
  }

  async #ordinaryLayer(
    layer: Descriptor,
    diffId: Digest,
  ): Promise<{ ordinary: ListingData; lazy?: ListingData }> {
    this.#report.notes.push(`layer ${layer.digest} is not lazy: it is the source's own`)
    const what = this.#name(layer)
    const ordinary = await this.#parts.threads.run<ListingData>({
      what,
      call: {
        module: LIST_LAYER,
        data: { what, diffId, compression: layerType(layer.mediaType)?.compression ?? 'none' },
      },
      open: (signal) => this.#target.blob(layer, { signal }),
      slabSize: NO_SLABS,
      signal: this.#init.signal,
    })
    return { ordinary }
  }

  /** What lazy readers need of the registry: a part of a blob, on demand, with the right bytes. */
  async #checkRange(layer: Descriptor, path: string): Promise<void> {
    const length = Math.min(RANGE_SIZE, layer.size)
    const offset = Math.floor((layer.size - length) / 2)
    const range = { offset, length }
    const got = await this.#target.blobRange(layer, range, { signal: this.#init.signal })
    const want = await readPart(path, offset, length)
    if (Buffer.compare(got, want) === 0) return
    const problem = `bytes ${offset} to ${offset + length} are others when they are asked for by range`
    this.#found([{ path: layer.digest, problem }], 1)
  }

  #checkSubject(original: SourceImage): void {
    const { subject } = this.#image.manifest
    if (subject === undefined || subject.digest === original.descriptor.digest) return
    const problem = `its subject is ${subject.digest}, its source ${original.descriptor.digest}`
    this.#found([{ path: 'manifest', problem }], 1)
  }

  async #compare(source: ListingData[], target: ListingData[], format: ViewFormat): Promise<void> {
    const data: CompareJobData = { source, target, format }
    const result = await this.#run<CompareJobResult>(COMPARE, data)
    const { paths, differences, count, problems } = result
    this.#report.views.push({ reader: format, paths, differences })
    this.#report.problems += count
    this.#found(
      problems.map((problem) => ({ path: 'layers', problem })),
      problems.length,
    )
  }

  #found(findings: CheckedImage['findings'], count: number): void {
    this.#report.findings.push(...findings)
    this.#report.problems += count
  }

  #run<Result>(module: string, data: unknown): Promise<Result> {
    return this.#parts.threads.run<Result>({
      what: this.#image.what,
      call: { module, data },
      open: nothing,
      slabSize: NO_SLABS,
      signal: this.#init.signal,
    })
  }

  #name({ digest }: Descriptor): string {
    return `${this.#image.what} layer ${digest}`
  }
}

/** Blobs pulled into files of the work directory, verified; removed in the end. */
class PulledFiles implements AsyncDisposable {
  readonly #source: ImageSource
  readonly #work: WorkDirectory
  readonly #signal: AbortSignal
  readonly #stack = new AsyncDisposableStack()

  constructor(source: ImageSource, work: WorkDirectory, signal: AbortSignal) {
    this.#source = source
    this.#work = work
    this.#signal = signal
  }

  /** The path of a file with the bytes of a blob. */
  async pull(descriptor: Descriptor): Promise<string> {
    const file = this.#work.ingest()
    this.#stack.defer(() => file.remove())
    await using handle = await open(file.path, 'wx', 0o600)
    for await (const bytes of this.#source.blob(descriptor, { signal: this.#signal })) {
      await handle.writeFile(bytes)
    }
    return file.path
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack[Symbol.asyncDispose]()
  }
}

async function readPart(path: string, offset: number, length: number): Promise<Uint8Array> {
  await using handle = await open(path)
  const { buffer } = await handle.read(Buffer.alloc(length), 0, length, offset)
  return buffer
}

/** The source of jobs that read files. */
async function* nothing(): AsyncGenerator<Uint8Array> {}
