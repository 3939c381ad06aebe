import type { FinishedImage, ImageBlob } from '../drivers/image-step.ts'
import { allOrNone } from '../streams/all-or-none.ts'
import type { Held } from '../streams/shared-jobs.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { formatPlatform } from '../oci/platform.ts'
import type { PushedBlob } from '../transport/image-transport.ts'
import {
  assembleIndex,
  assembleVariants,
  type AssembledManifest,
  type AssembleInit,
  type Document,
  type IndexMember,
} from './assemble.ts'
import type { LayerFile } from './convert-layers.ts'
import type { ProgressBook } from './layer-progress.ts'
import { copyBlob, pushBlob, pushDocumentBlob, type PushParts } from './push.ts'
import type { ConversionReport, ImageReport, LayerReport } from './report.ts'
import type { KeptMember, SourceImage, SourceIndex, SourceNode } from './source-image.ts'

/** One image of the source with its converted layers, what its driver made of them, and its new documents. */
export interface ConvertedImage {
  image: SourceImage
  layers: Held<LayerFile>[]
  /** Of the converter of its layers. */
  key: string
  finished: FinishedImage
  /** One for each manifest of `finished`. */
  manifests: AssembledManifest[]
}

/** What the push of one result needs. */
export interface ResultPushInit {
  parts: PushParts
  assemble: AssembleInit
  signal: AbortSignal
  progress: ProgressBook
  /** Gets sizes, images and kept members added. */
  report: ConversionReport
}

/**
 * Pushes all that stands below the root of a result: blobs, kept members, manifests and inner indexes by digest,
 * children first. Returns the root's document, which is not pushed yet.
 */
export async function pushBelowRoot(
  root: SourceImage | SourceIndex,
  converted: readonly ConvertedImage[],
  init: ResultPushInit,
): Promise<Document> {
  const pushes = new Map<Digest, Promise<PushedBlob>>()
  for (const image of converted) await pushImage(image, pushes, init)
  for (const member of keptOf(root)) await copyKept(member, init)
  const documents = new Map(converted.map(({ image, manifests }) => [image, manifests]))
  if (root.kind === 'index') return pushMembers(root, documents, new Map(), init)
  const manifests = documents.get(root)!
  if (manifests.length === 1) return manifests[0]!
  for (const one of manifests) await pushDocument(one, init)
  return assembleVariants(root, manifests, init.assemble)
}

/** Pushes a manifest or index of the result; under `tag` where given. */
export async function pushDocument(
  { bytes, descriptor, subject }: Document,
  init: ResultPushInit,
  tag?: string,
): Promise<void> {
  await init.parts.target.pushManifest(bytes, descriptor, {
    signal: init.signal,
    ...(tag === undefined ? {} : { tag }),
    ...(subject === undefined ? {} : { subject }),
  })
}

/**
 * Pushes the blobs and configs of one image, each blob of the conversion once, and adds it to the report. When one
 * fails the others are stopped, and nothing is under way any more.
 */
async function pushImage(
  converted: ConvertedImage,
  pushes: Map<Digest, Promise<PushedBlob>>,
  init: ResultPushInit,
): Promise<void> {
  const { image, layers, finished, manifests } = converted
  const { parts, progress, report } = init
  const once = (descriptor: Descriptor, push: () => Promise<PushedBlob>): Promise<PushedBlob> => {
    const running = pushes.get(descriptor.digest)
    if (running) return running
    report.targetSize += descriptor.size
    const started = push()
    pushes.set(descriptor.digest, started)
    return started
  }
  const outcomes = new Map<Digest, PushedBlob>()
  const blob = async (one: ImageBlob, signal: AbortSignal): Promise<void> => {
    const { descriptor } = one
    const positions = layers.flatMap(({ value }, i) =>
      value.result.descriptor.digest === descriptor.digest ? [i] : [],
    )
    const onProgress = (pushed: number): void => {
      for (const i of positions) progress.change(image, i, { state: 'pushing', pushed })
    }
    onProgress(0)
    const outcome = await once(descriptor, () => pushBlob(parts, one, { signal, onProgress }))
    for (const i of positions) {
      progress.change(image, i, { state: 'pushed', pushed: descriptor.size })
    }
    outcomes.set(descriptor.digest, outcome)
  }
  await allOrNone<unknown>(init.signal, (signal) => [
    ...blobsOf(finished).map((one) => blob(one, signal)),
    ...manifests.map(({ config }) =>
      once(config.descriptor, () => pushDocumentBlob(parts, config, { signal })),
    ),
  ])
  report.sourceSize += sizeOf([image.manifest.config, ...image.manifest.layers])
  report.images.push(imageReport(converted, outcomes))
}

/** All blobs of an image but the configs, each once. */
function blobsOf({ manifests, blobs = [] }: FinishedImage): ImageBlob[] {
  const all = [...manifests.flatMap(({ layers }) => layers), ...blobs]
  return [...new Map(all.map((blob) => [blob.descriptor.digest, blob])).values()]
}

async function copyKept(member: KeptMember, init: ResultPushInit): Promise<void> {
  const { descriptor, reason, bytes } = member
  const { digest, mediaType } = descriptor
  for (const blob of member.blobs) await copyBlob(init.parts, blob, init)
  await init.parts.target.pushManifest(bytes, descriptor, { signal: init.signal })
  init.report.kept.push({ digest, mediaType, reason })
}

async function pushMembers(
  node: SourceIndex,
  documents: ReadonlyMap<SourceImage, readonly AssembledManifest[]>,
  targets: Map<Digest, readonly IndexMember[]>,
  init: ResultPushInit,
): Promise<Document> {
  for (const member of node.members) {
    if (member.kind === 'kept') continue
    const made: readonly Document[] =
      member.kind === 'image'
        ? documents.get(member)!
        : [await pushMembers(member, documents, targets, init)]
    targets.set(member.descriptor.digest, made)
    for (const document of made) await pushDocument(document, init)
  }
  return assembleIndex(node, targets, init.assemble)
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
  { image, layers, manifests }: ConvertedImage,
  outcomes: ReadonlyMap<Digest, PushedBlob>,
): ImageReport {
  const [manifest, ...variants] = manifests
  return {
    ...(variants.length === 0
      ? {}
      : { variantDigests: variants.map(({ descriptor }) => descriptor.digest) }),
    platform: formatPlatform(image.platform),
    sourceDigest: image.descriptor.digest,
    targetDigest: manifest!.descriptor.digest,
    layers: layers.map(({ value: { result, found, record } }, i) => {
      const source = image.manifest.layers[i]!
      const report: LayerReport = {
        source: { digest: source.digest, mediaType: source.mediaType, size: source.size },
        target: {
          digest: result.descriptor.digest,
          mediaType: result.descriptor.mediaType,
          size: result.descriptor.size,
          ...(result.indexSize === undefined ? {} : { indexSize: result.indexSize }),
        },
        sourceUncompressedSize: result.sourceUncompressedSize,
        targetUncompressedSize: result.uncompressedSize,
        entries: result.entries,
      }
      if (found === true) report.found = record === undefined ? 'store' : 'cache'
      if (result.kept !== undefined) report.kept = result.kept
      if (result.warnings.length > 0) report.warnings = result.warnings
      const outcome = outcomes.get(result.descriptor.digest)
      if (outcome !== undefined) report.push = outcome
      return report
    }),
  }
}
