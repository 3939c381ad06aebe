import type { KeyObject } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { ENCRYPTED_BLOB_ANNOTATION } from '../drivers/nydus/annotation.ts'
import type { LayerKey } from '../formats/ocicrypt/layer-cipher.ts'
import { checkEncryptedLayer, openLayerKey, readEnvelope } from '../formats/ocicrypt/read.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { isEncryptedType } from '../oci/media-type.ts'
import { moduleBeside } from '../threads/start-thread.ts'
import type { ThreadPool } from '../threads/pool.ts'
import { layerKind } from '../verify/layer-kind.ts'
import type { Finding } from '../verify/finding.ts'
import { nydusLayerProblems } from '../verify/nydus-layers.ts'
import type { VerifiedLayer } from '../verify/verify-image.ts'
import type { SealedBlobJobData } from './sealed-blob-job.ts'

const SEALED_BLOB = moduleBeside(import.meta.url, './sealed-blob-job')

/** What is said of an image that could only be looked at from outside. */
export const WITHOUT_KEY =
  'its bootstrap is encrypted: names, attributes and contents of files, chunk tables, and which blobs there must be, were not compared; ' +
  '--decryption-key names the private key of a recipient'

/** A layer whose blob is in a file. */
type PulledLayer = VerifiedLayer & { path: string }

/**
 * What an encrypted layer is decrypted with, which is held to its HMAC and digest; undefined where it is not encrypted,
 * or there is no key at all. Throws FORMAT_INVALID.
 */
export async function layerKey(
  { descriptor, path }: PulledLayer,
  what: string,
  privateKeys: readonly KeyObject[],
): Promise<LayerKey | undefined> {
  if (!isEncryptedType(descriptor.mediaType) || privateKeys.length === 0) return undefined
  const name = `${what} layer ${descriptor.digest}`
  const opened = await openLayerKey(descriptor.annotations ?? {}, privateKeys, name)
  await checkEncryptedLayer(createReadStream(path), opened, name)
  return opened.key
}

/** Whether the bootstrap cannot be read for want of a key. */
export function isSealed(layers: readonly VerifiedLayer[]): boolean {
  return layers.some(
    ({ descriptor, key }) =>
      key === undefined &&
      isEncryptedType(descriptor.mediaType) &&
      layerKind(descriptor) === 'nydus-bootstrap',
  )
}

/**
 * What is wrong with an encrypted image besides what its readers see: blobs that are not encrypted although they should
 * be. Where there is no key, all that can be seen without one: annotations, diffIDs of blobs, and their tables of contents.
 */
export async function encryptionProblems(
  layers: readonly PulledLayer[],
  { what, threads, signal }: { what: string; threads: ThreadPool; signal: AbortSignal },
): Promise<Finding[]> {
  const toc = isSealed(layers)
  const findings: Finding[] = toc
    ? [...nydusLayerProblems(layers), ...layers.flatMap(({ descriptor }) => envelope(descriptor))]
    : []
  for (const { descriptor, path } of layers.filter(isEncryptedBlob)) {
    const { digest } = descriptor
    const data: SealedBlobJobData = { what: `${what}, blob ${digest}`, path, toc }
    const problems = await threads.run<string[]>({
      what,
      call: { module: SEALED_BLOB, data },
      open: async function* nothing() {},
      slabSize: { input: 0, output: 0 },
      signal,
    })
    findings.push(...problems.map((problem) => ({ path: digest, problem })))
  }
  return findings
}

function envelope({ digest, mediaType, annotations = {} }: Descriptor): Finding[] {
  if (!isEncryptedType(mediaType)) return []
  const read = readEnvelope(annotations)
  return typeof read === 'string' ? [{ path: digest, problem: read }] : []
}

function isEncryptedBlob({ descriptor: { annotations } }: VerifiedLayer): boolean {
  return annotations?.[ENCRYPTED_BLOB_ANNOTATION] === 'true'
}
