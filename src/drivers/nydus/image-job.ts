/** What a layer thread does to finish a Nydus image: merges its layers and writes the bootstrap layer. */
import { AccelError } from '../../errors/accel-error.ts'
import type { Compressor, Digester } from '../../formats/nydus-blob/algorithm.ts'
import { BlobReader } from '../../formats/nydus-blob/blob-reader.ts'
import type { BlobCipher } from '../../formats/nydus-blob/cipher.ts'
import { blobMetaFile } from '../../formats/nydus-blob/chunk-table.ts'
import { LayerCipher, type LayerKey } from '../../formats/ocicrypt/layer-cipher.ts'
import { encryptionAnnotations, type Recipient } from '../../formats/ocicrypt/recipient.ts'
import type { LayerHost } from '../../threads/layer-host.ts'
import { openBlobFile } from '../blob-file.ts'
import { BOOTSTRAP_PATH, BootstrapLayerWriter, type BootstrapLayer } from './bootstrap-layer.ts'
import { openFile } from '../file-source.ts'
import type { LayerDetail } from './layer-detail.ts'
import { ImageMerge } from './merge-layers.ts'
import { prefetchNodes } from './prefetch.ts'
import { isOwnBlob, rafsOf, type RafsVersion } from './rafs.ts'
import { openSealed } from './seal.ts'

/** A layer of the image, from the lowest up. */
export interface ImageJobLayer {
  /** File of its blob. */
  path: string
  /** Its id, the hex digits of its digest, and its size. */
  blob: { id: string; size: number }
  detail: LayerDetail
  /** Names it in messages. */
  what: string
}

/** What the main thread says of the image. */
export interface ImageJobData {
  what: string
  version: RafsVersion
  /** What the superblock says of chunks; each blob says it of its own. */
  algorithms: { compressor: Compressor; digester: Digester }
  prefetch: string[]
  layers: ImageJobLayer[]
  /** File that the bootstrap layer is written to. */
  path: string
  /** For whom it is encrypted; empty: it is not. */
  recipients: readonly Recipient[]
}

/** What it is told: the layer as it is pushed. */
export interface ImageJobResult extends BootstrapLayer {
  /** By which recipients decrypt the layer. */
  annotations: Record<string, string>
  /** With which it is encrypted. */
  key?: LayerKey
  /** Ids of the blobs that files of the image refer to, in the order of the bootstrap. */
  blobIds: string[]
}

/** Runs one merge. The source is empty. Throws FORMAT_…, DRIVER_…, STORE_…. */
export async function run(data: ImageJobData, host: LayerHost): Promise<ImageJobResult> {
  // Says whether the conversion is aborted.
  await host.pull()
  const { version, layers } = data
  const rafs = rafsOf(version)
  const merge = new ImageMerge(rafs)
  const ciphers = new Map<string, BlobCipher | undefined>()
  for (const layer of layers) {
    using source = openFile(layer.path, layer.what)
    const blob = await BlobReader.open(source, layer.what)
    const stored = await blob.bootstrap()
    if (stored === undefined) throw damaged(layer.what)
    const { seal } = layer.detail
    const bytes = seal === undefined ? stored : openSealed(stored, seal, layer.what)
    const bootstrap = rafs.read(bytes, layer.what)
    const own = bootstrap.blobs.find(isOwnBlob)
    ciphers.set(layer.blob.id, own && rafs.cipherOf(own))
    merge.add({ ...layer, bootstrap })
  }
  const { tree, blobs } = merge.finish()
  const { nodes, missing } = prefetchNodes(tree, data.prefetch)
  if (missing.length > 0) {
    const path = missing[0]!
    const problem = 'prefetch_patterns names it, and the image has no such file or directory'
    throw new AccelError('DRIVER_ENTRY_REFUSED', { what: data.what, path, problem })
  }
  const bootstrap = rafs.write(tree, {
    blobs,
    ...data.algorithms,
    // As nydus: also where no file has any.
    xattrs: true,
    prefetch: nodes,
  })
  using file = openBlobFile(data.path)
  const { recipients } = data
  const cipher = recipients.length === 0 ? undefined : new LayerCipher()
  const layer = new BootstrapLayerWriter((bytes) => file.write(cipher?.update(bytes) ?? bytes))
  layer.file(BOOTSTRAP_PATH, bootstrap.size, bootstrap.pieces())
  if (version === 6) await addChunkTables(layer, layers, ciphers)
  const made = { ...layer.finish(), blobIds: blobs.map(({ blobId }) => blobId) }
  if (cipher === undefined) return { ...made, annotations: {} }
  const encrypted = cipher.finish(made.digest)
  const annotations = await encryptionAnnotations(encrypted, recipients)
  return { ...made, digest: encrypted.digest, annotations, key: encrypted.key }
}

/** Adds what nydusd would otherwise fetch from each blob, under the name by which it is kept. */
async function addChunkTables(
  layer: BootstrapLayerWriter,
  layers: readonly ImageJobLayer[],
  ciphers: ReadonlyMap<string, BlobCipher | undefined>,
): Promise<void> {
  const seen = new Set<string>()
  for (const { path, blob, what } of layers) {
    if (seen.has(blob.id)) continue
    seen.add(blob.id)
    using source = openFile(path, what)
    const reader = await BlobReader.open(source, what, ciphers.get(blob.id))
    const stored = await reader.chunkTableBytes()
    if (stored === undefined) continue
    const bytes = blobMetaFile(stored.table, stored.header)
    layer.file(`image/${blob.id}.blob.meta`, bytes.length, [bytes])
  }
}

function damaged(what: string): AccelError {
  const problem = 'it has no bootstrap'
  return new AccelError('FORMAT_INVALID', { what, format: 'Nydus blob', offset: 0, problem })
}
