import type { Held } from '../streams/shared-jobs.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { formatPlatform } from '../oci/platform.ts'
import type { PushedBlob } from '../transport/image-transport.ts'
import { assembleIndex, assembleVariants, type AssembleInit, type Document } from './assemble.ts'
import type { LayerFile } from './convert-layers.ts'
import type { ProgressBook } from './layer-progress.ts'
import { copyBlob, pushDocumentBlob, pushLayer, type PushParts } from './push.ts'
import type { ConversionReport, ImageReport, LayerReport } from './report.ts'
import type { KeptMember, SourceImage, SourceIndex, SourceNode } from './source-image.ts'

/** One image of the source with its converted layers and its new documents. */
export interface ConvertedImage {
  image: SourceImage
  layers: Held<LayerFile>[]
  config: Document
  manifest: Document
  /** Further manifests, over the same config and blobs. */
  variants: Document[]
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
  const documents = new Map(
    converted.map(({ image, manifest, variants }) => [image, [manifest, ...variants]]),
  )
  if (root.kind === 'index') return pushMembers(root, documents, new Map(), init)
  const [manifest, ...variants] = documents.get(root)!
  if (variants.length === 0) return manifest!
  for (const one of [manifest!, ...variants]) await pushDocument(one, root.descriptor.digest, init)
  const targets = [manifest!, ...variants].map(({ descriptor }) => descriptor)
  return assembleVariants(root, targets, init.assemble)
}

/** Pushes a manifest or index of the result, made from the document `source`; under `tag` where given. */
export async function pushDocument(
  document: Document,
  source: Digest,
  init: ResultPushInit,
  tag?: string,
): Promise<void> {
  await init.parts.target.pushManifest(document.bytes, document.descriptor, {
    signal: init.signal,
    ...(tag === undefined ? {} : { tag }),
    ...(init.assemble.subject ? { subject: source } : {}),
  })
}

/** Pushes layers and config of one image, each blob of the conversion once, and adds it to the report. */
async function pushImage(
  converted: ConvertedImage,
  pushes: Map<Digest, Promise<PushedBlob>>,
  init: ResultPushInit,
): Promise<void> {
  const { image, layers, config } = converted
  const { parts, signal, progress, report } = init
  const once = (descriptor: Descriptor, push: () => Promise<PushedBlob>): Promise<PushedBlob> => {
    const running = pushes.get(descriptor.digest)
    if (running) return running
    report.targetSize += descriptor.size
    const started = push()
    pushes.set(descriptor.digest, started)
    return started
  }
  const outcomes = await Promise.all([
    ...layers.map(async ({ value }, i) => {
      const { descriptor } = value.result
      const onProgress = (pushed: number): void =>
        progress.change(image, i, { state: 'pushing', pushed })
      const outcome = await once(descriptor, () => pushLayer(parts, value, { signal, onProgress }))
      progress.change(image, i, { state: 'pushed', pushed: descriptor.size })
      return outcome
    }),
    once(config.descriptor, () => pushDocumentBlob(parts, config, { signal })),
  ])
  report.sourceSize += sizeOf([image.manifest.config, ...image.manifest.layers])
  report.images.push(imageReport(converted, outcomes))
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
  documents: ReadonlyMap<SourceImage, readonly Document[]>,
  targets: Map<Digest, readonly Descriptor[]>,
  init: ResultPushInit,
): Promise<Document> {
  for (const member of node.members) {
    if (member.kind === 'kept') continue
    const made =
      member.kind === 'image'
        ? documents.get(member)!
        : [await pushMembers(member, documents, targets, init)]
    targets.set(
      member.descriptor.digest,
      made.map(({ descriptor }) => descriptor),
    )
    for (const document of made) await pushDocument(document, member.descriptor.digest, init)
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
  { image, layers, manifest, variants }: ConvertedImage,
  outcomes: readonly PushedBlob[],
): ImageReport {
  return {
    ...(variants.length === 0
      ? {}
      : { variantDigests: variants.map(({ descriptor }) => descriptor.digest) }),
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
