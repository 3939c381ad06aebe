import { createHash } from 'node:crypto'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import type { Descriptor, Platform } from '../oci/descriptor.ts'
import { digestFrom, digestOf, type Digest } from '../oci/digest.ts'
import {
  DOCKER_CONFIG,
  DOCKER_LAYER_GZIP,
  DOCKER_LAYER_TAR,
  DOCKER_LAYER_ZSTD,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_EMPTY,
  OCI_INDEX,
  OCI_LAYER_GZIP,
  OCI_LAYER_TAR,
  OCI_LAYER_ZSTD,
  OCI_MANIFEST,
  type Compression,
} from '../oci/media-type.ts'
import type { ByteSource } from '../streams/byte-source.ts'
import type { ImageTarget } from '../transport/image-transport.ts'
import { testTar } from './tar-builder.ts'

/** Bytes with their descriptor. */
export interface BuiltBlob {
  descriptor: Descriptor
  /** The bytes from `offset` on. @default from 0 */
  open(offset?: number): ByteSource
}

/** A layer, and the digest of its tar. */
export interface BuiltLayer extends BuiltBlob {
  diffId: Digest
}

/** A manifest or index with all that it names. */
export interface BuiltImage {
  /** As an index names it: with platform and annotations where it has them. */
  descriptor: Descriptor
  /** The bytes of the manifest or index. */
  bytes: Uint8Array
  /** The config, then the layers; of an index none. */
  blobs: BuiltBlob[]
  /** What an index names, in order. */
  children: BuiltImage[]
}

/** How the bytes of a layer are stored, and what its descriptor says. */
export interface LayerInit {
  /** @default 'gzip' */
  compression?: Compression
  /** In how many gzip members or zstd frames the tar is cut. @default 1 */
  members?: number
  /** Docker's media types. @default false */
  docker?: boolean
  /** Replaces the media type that compression and `docker` give. */
  mediaType?: string
  annotations?: Record<string, string>
}

const layerTypes: Record<Compression, { oci: string; docker: string }> = {
  none: { oci: OCI_LAYER_TAR, docker: DOCKER_LAYER_TAR },
  gzip: { oci: OCI_LAYER_GZIP, docker: DOCKER_LAYER_GZIP },
  zstd: { oci: OCI_LAYER_ZSTD, docker: DOCKER_LAYER_ZSTD },
}

const compressors: Record<Compression, (bytes: Uint8Array) => Uint8Array> = {
  none: (bytes) => bytes,
  gzip: (bytes) => gzipSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
}

/** Makes a layer of the bytes of a tar (or of anything else, for broken ones). */
export function buildLayer(tar: Uint8Array, init: LayerInit = {}): BuiltLayer {
  const { compression = 'gzip', members = 1, docker = false } = init
  const compress = compressors[compression]
  const step = Math.max(1, Math.ceil(tar.length / members))
  const parts = Array.from({ length: members }, (_, i) => tar.subarray(i * step, (i + 1) * step))
  const mediaType = init.mediaType ?? layerTypes[compression][docker ? 'docker' : 'oci']
  const bytes = Buffer.concat(parts.map((part) => compress(part)))
  const blob = buildBlob(bytes, mediaType, init.annotations)
  return { ...blob, diffId: digestOf(tar) }
}

/**
 * Makes a layer of `size` bytes, a tar with one file, that is not held in memory but made again at each reading:
 * for layers of gigabytes. It costs one reading to know its digest.
 */
export function buildLargeLayer(size: number, init: { docker?: boolean } = {}): BuiltLayer {
  const overhead = testTar().file('large').bytes().length
  const fill = size - overhead
  if (fill % 512 !== 0 || fill < 0) throw new RangeError('size must be blocks of 512 bytes')
  // The header of a file that long, without its content.
  const digits = fill.toString(8).padStart(11, '0')
  const head = testTar().file('large').bytes({ end: false })
  head.set(Buffer.from(digits), 124)
  head.set(Buffer.from('        '), 148)
  const sum = head.reduce((total, byte) => total + byte, 0)
  head.set(Buffer.from(`${sum.toString(8).padStart(6, '0')}\u0000 `), 148)

  const whole = function* (): Generator<Uint8Array> {
    yield head
    for (let at = 0; at < fill; at += pattern.length) {
      yield pattern.subarray(0, Math.min(pattern.length, fill - at))
    }
    yield new Uint8Array(1024)
  }
  const hash = createHash('sha256')
  for (const chunk of whole()) hash.update(chunk)
  const digest = digestFrom(hash)
  const mediaType = init.docker === true ? DOCKER_LAYER_TAR : OCI_LAYER_TAR
  return {
    descriptor: { mediaType, digest, size },
    diffId: digest,
    async *open(offset = 0) {
      let at = 0
      for (const chunk of whole()) {
        const skip = Math.max(0, offset - at)
        at += chunk.length
        if (skip < chunk.length) yield chunk.subarray(skip)
      }
    },
  }
}

const pattern = Buffer.alloc(1024 * 1024)
for (let i = 0, x = 1; i < pattern.length; i += 4) {
  x = Math.imul(x, 1_664_525) + 1_013_904_223
  pattern.writeInt32LE(x | 0, i)
}

export interface ImageInit {
  layers: BuiltLayer[]
  /** Members added to, or put in place of those of, the config. */
  config?: object
  /** Docker's media types. @default false */
  docker?: boolean
  /** @default linux/amd64 */
  platform?: Platform
  annotations?: Record<string, string>
  artifactType?: string
  subject?: Descriptor
}

/** Makes an image of layers: its config, with diffIds and platform, and its manifest. */
export function buildImage(init: ImageInit): BuiltImage {
  const { layers, docker = false, platform = { os: 'linux', architecture: 'amd64' } } = init
  const config = {
    created: '1970-01-01T00:00:00Z',
    ...platform,
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map((_, i) => ({ created: '1970-01-01T00:00:00Z', created_by: `layer ${i}` })),
    ...init.config,
  }
  const image = buildArtifact({
    ...init,
    config: buildBlob(json(config), docker ? DOCKER_CONFIG : OCI_CONFIG),
    mediaType: docker ? DOCKER_MANIFEST : OCI_MANIFEST,
    layers,
  })
  image.descriptor.platform = platform
  return image
}

/** Makes a manifest of any config and blobs. */
export function buildArtifact(init: {
  config: BuiltBlob
  layers: BuiltBlob[]
  /** @default OCI's */
  mediaType?: string
  annotations?: Record<string, string>
  artifactType?: string
  subject?: Descriptor
}): BuiltImage {
  const { config, layers, mediaType = OCI_MANIFEST, annotations, artifactType, subject } = init
  const bytes = json({
    schemaVersion: 2,
    mediaType,
    artifactType,
    config: config.descriptor,
    layers: layers.map((layer) => layer.descriptor),
    subject: subject && plain(subject),
    annotations,
  })
  return { descriptor: describe(bytes, mediaType), bytes, blobs: [config, ...layers], children: [] }
}

/** Makes an index, or a manifest list, of images and indexes, in this order. */
export function buildIndex(
  children: BuiltImage[],
  init: { docker?: boolean; annotations?: Record<string, string>; subject?: Descriptor } = {},
): BuiltImage {
  const mediaType = init.docker === true ? DOCKER_LIST : OCI_INDEX
  const bytes = json({
    schemaVersion: 2,
    mediaType,
    manifests: children.map((child) => child.descriptor),
    subject: init.subject && plain(init.subject),
    annotations: init.annotations,
  })
  return { descriptor: describe(bytes, mediaType), bytes, blobs: [], children }
}

/** Makes what BuildKit puts beside an image in its index. Source: buildkit docs/attestations/attestation-storage.md. */
export function buildAttestation(of: BuiltImage): BuiltImage {
  const statement = json({ _type: 'https://in-toto.io/Statement/v0.1', subject: [] })
  const layer = buildBlob(statement, 'application/vnd.in-toto+json', {
    'in-toto.io/predicate-type': 'https://slsa.dev/provenance/v0.2',
  })
  const attestation = buildImage({
    layers: [{ ...layer, diffId: layer.descriptor.digest }],
    platform: { os: 'unknown', architecture: 'unknown' },
  })
  attestation.descriptor.annotations = {
    'vnd.docker.reference.digest': of.descriptor.digest,
    'vnd.docker.reference.type': 'attestation-manifest',
  }
  return attestation
}

/** Makes a Helm chart: an artifact by its config's type. Source: helm.sh/docs/topics/registries. */
export function buildHelmChart(): BuiltImage {
  const config = json({ name: 'chart', version: '0.1.0', apiVersion: 'v2' })
  const chart = gzipSync(testTar().file('chart/Chart.yaml', 'name: chart\n').bytes())
  return buildArtifact({
    config: buildBlob(config, 'application/vnd.cncf.helm.config.v1+json'),
    layers: [buildBlob(chart, 'application/vnd.cncf.helm.chart.content.v1.tar+gzip')],
  })
}

/** Makes a cosign signature. It is pushed under `cosignTag`, or, made with `subject`, found by the referrers API. */
export function buildCosignSignature(of: BuiltImage, init: { subject?: boolean } = {}): BuiltImage {
  const payload = json({
    critical: { image: { 'docker-manifest-digest': of.descriptor.digest }, type: 'cosign' },
  })
  return buildArtifact({
    config: buildBlob(json({}), OCI_CONFIG),
    layers: [
      buildBlob(payload, 'application/vnd.dev.cosign.simplesigning.v1+json', {
        'dev.cosignproject.cosign/signature': 'c2lnbmF0dXJl',
      }),
    ],
    ...(init.subject === true
      ? { subject: of.descriptor, artifactType: 'application/vnd.dev.cosign.artifact.sig.v1+json' }
      : {}),
  })
}

/** The tag under which cosign looks for the signature of an image. */
export function cosignTag(of: BuiltImage): string {
  return `${of.descriptor.digest.replace(':', '-')}.sig`
}

/** Makes an artifact with the empty config of OCI 1.1 and one blob. */
export function buildEmptyConfigArtifact(artifactType: string, content: Uint8Array): BuiltImage {
  return buildArtifact({
    config: buildBlob(json({}), OCI_EMPTY),
    layers: [buildBlob(content, 'application/octet-stream')],
    artifactType,
  })
}

/** Makes a blob of bytes. */
export function buildBlob(
  bytes: Uint8Array,
  mediaType: string,
  annotations?: Record<string, string>,
): BuiltBlob {
  const descriptor = describe(bytes, mediaType)
  if (annotations !== undefined) descriptor.annotations = annotations
  return {
    descriptor,
    async *open(offset = 0) {
      if (offset < bytes.length) yield bytes.subarray(offset)
    },
  }
}

/** Pushes blobs, children, then the manifest itself, under `tag` where given. */
export async function pushBuilt(
  image: BuiltImage,
  target: ImageTarget,
  init: { tag?: string } = {},
): Promise<Descriptor> {
  for (const child of image.children) await pushBuilt(child, target)
  for (const blob of image.blobs) {
    await target.pushBlob(blob.descriptor, (offset) => blob.open(offset))
  }
  const subject = (JSON.parse(Buffer.from(image.bytes).toString()) as { subject?: Descriptor })
    .subject?.digest
  await target.pushManifest(image.bytes, plain(image.descriptor), {
    ...init,
    ...(subject === undefined ? {} : { subject }),
  })
  return plain(image.descriptor)
}

/** Only type, digest and size. */
function plain({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size }
}

function describe(bytes: Uint8Array, mediaType: string): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length }
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value))
}
