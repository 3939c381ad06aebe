import type { KeyObject } from 'node:crypto'
import { open } from 'node:fs/promises'
import { loadSource, type SourceImage, type SourceNode } from '../convert/source-image.ts'
import { AccelError } from '../errors/accel-error.ts'
import type { ListingData } from '../formats/listing/listing.ts'
import { ZSTD_INSTANCE_ANNOTATION } from '../formats/zstd-chunked/layout.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { formatPlatform, type PlatformFilter } from '../oci/platform.ts'
import type { WorkDirectory } from '../store/work-directory.ts'
import type { ThreadPool } from '../threads/pool.ts'
import type { ImageSource, RangedSource } from '../transport/image-transport.ts'
import type { Finding } from '../verify/finding.ts'
import type { RepositoryProbe } from '../registry/repository-probe.ts'
import { registryProblems } from './registry-problems.ts'
import { referredLayer } from '../verify/layer-kind.ts'
import { listLayer, verifyImage, type VerifiedLayer } from '../verify/verify-image.ts'
import { emptyReport } from '../verify/report.ts'
import { configProblems } from './config-problems.ts'
import { encryptionProblems, isSealed, layerKey, WITHOUT_KEY } from './encrypted-image.ts'
import { lostAnnotations } from './lost-annotations.ts'
import { manifestProblems } from './manifest-problems.ts'
import type { CheckedImage, CheckReport } from './report.ts'
import { targetImages, type TargetImage } from './target-image.ts'

/** One end: where it is, what it is called, and its root. */
export interface CheckedEnd<Transport> {
  transport: Transport
  name: string
  root: Descriptor
  /** Where it is in a registry: asks what that can do. */
  probe?: RepositoryProbe
}

export interface CheckParts {
  threads: ThreadPool
  work: WorkDirectory
}

export interface CheckInit {
  platforms: PlatformFilter
  /** Of recipients of encrypted images. @default none: what is encrypted is looked at from outside */
  privateKeys?: readonly KeyObject[]
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
    images.push(await checkImage(target, image, original, await tree, parts, init))
  }
  return { images, passed: images.every(({ problems, complete }) => complete && problems === 0) }
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
  const { what, manifest, config } = image
  onStep(`reading ${what}`)
  return Promise.all(
    manifest.layers.map((descriptor, i) =>
      listLayer(
        {
          what: `${what} layer ${i + 1} (${descriptor.digest})`,
          descriptor,
          diffId: config.rootfs.diff_ids[i]!,
          open: (stop) => transport.blob(descriptor, { signal: stop }),
        },
        { what, threads, signal },
      ),
    ),
  )
}

/** Pulls one image of the target and compares it. */
async function checkImage(
  { transport: target, probe }: CheckedEnd<RangedSource>,
  image: TargetImage,
  original: SourceImage,
  source: ListingData[],
  { threads, work }: CheckParts,
  { signal, onStep, privateKeys = [] }: CheckInit,
): Promise<CheckedImage> {
  const { what, manifest, config, descriptor } = image
  onStep(`reading ${what}`)
  await using files = new PulledFiles(target, work, signal)
  const findings: Finding[] = [
    ...manifestProblems(image, original),
    ...configProblems(original.config, config),
    ...(probe === undefined ? [] : await registryProblems(image, probe, signal)),
  ]
  const own = new Set(original.manifest.layers.map(({ digest }) => digest))
  // One blob may serve two dialects, and be lazy to the readers of the other alone.
  const mayBeOther = descriptor.annotations?.[ZSTD_INSTANCE_ANNOTATION] === 'true'
  const layers: (VerifiedLayer & { path: string })[] = []
  for (const [i, layer] of manifest.layers.entries()) {
    const path = await files.pull(layer)
    findings.push(...(await rangeProblem(target, layer, path, signal)))
    if (!own.has(layer.digest) && !mayBeOther)
      findings.push(...(await lostAnnotations(layer, path)))
    const verified: (typeof layers)[0] = {
      descriptor: layer,
      diffId: config.rootfs.diff_ids[i]!,
      path,
    }
    const key = await layerKey(verified, what, privateKeys)
    if (key !== undefined) verified.key = key
    const referred = referredOf(layer, original)
    if (referred !== undefined) {
      verified.referred = await files.pull(referred)
      findings.push(...(await rangeProblem(target, referred, verified.referred, signal)))
    }
    layers.push(verified)
  }
  const init = { what, threads, signal }
  findings.push(...(await encryptionProblems(layers, init)))
  const complete = !isSealed(layers)
  const report = complete
    ? await verifyImage(source, layers, init)
    : { ...emptyReport(), notes: [WITHOUT_KEY] }
  return {
    image: what,
    digest: descriptor.digest,
    source: original.what,
    complete,
    ...report,
    findings: [...findings, ...report.findings],
    problems: findings.length + report.problems,
  }
}

/** The layer of the source that a layer of the target refers to, which must be in the target's repository too. */
function referredOf(layer: Descriptor, { manifest, what }: SourceImage): Descriptor | undefined {
  const digest = referredLayer(layer)
  if (digest === undefined) return undefined
  const found = manifest.layers.find((one) => one.digest === digest)
  if (found !== undefined) return found
  throw new AccelError('CONTENT_NOT_FOUND', { what: `layer ${digest}`, where: what })
}

/** What lazy readers need of the registry: a part of a blob, on demand, with the right bytes. */
async function rangeProblem(
  target: RangedSource,
  layer: Descriptor,
  path: string,
  signal: AbortSignal,
): Promise<Finding[]> {
  const length = Math.min(RANGE_SIZE, layer.size)
  if (length === 0) return []
  const offset = Math.floor((layer.size - length) / 2)
  const got = await target.blobRange(layer, { offset, length }, { signal })
  const want = await readPart(path, offset, length)
  if (Buffer.compare(got, want) === 0) return []
  const problem = `bytes ${offset} to ${offset + length} are others when they are asked for by range`
  return [{ path: layer.digest, problem }]
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
