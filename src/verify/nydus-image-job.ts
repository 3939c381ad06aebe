/** What a layer thread does to read a Nydus image as nydusd does, and to compare it with its source. */
import { AccelError, isAccelError } from '../errors/accel-error.ts'
import { TreeComparison, type Comparison } from '../formats/listing/compare.ts'
import { CONTENT_PIECE } from '../formats/listing/content-hash.ts'
import type { ListingData } from '../formats/listing/listing.ts'
import { BlobReader, type BlobSource } from '../formats/nydus-blob/blob-reader.ts'
import type { CheckedBlob } from '../formats/nydus-blob/checked-blob.ts'
import { blobMetaFile } from '../formats/nydus-blob/chunk-table.ts'
import type { LayerKey } from '../formats/ocicrypt/layer-cipher.ts'
import { decryptRange } from '../formats/ocicrypt/read.ts'
import { digestOf, type Digest } from '../oci/digest.ts'
import { readBootstrapLayer } from './bootstrap-file.ts'
import { openFile } from '../drivers/file-source.ts'
import type { Finding } from './finding.ts'
import { allowancesOf } from './allowances.ts'
import { treeOf } from './listing-data.ts'
import { v5Chunks, v6Chunks, type ChunkReader } from './nydus-chunks.ts'
import { readNydusImage, type NydusBlob } from './nydus-image.ts'
import { openDictionaryChunks } from './dictionary-chunks.ts'
import { checkedRefChunks, refChunks } from './ref-chunks.ts'

export interface NydusImageJobData {
  /** Names the image in messages. */
  what: string
  /** File of the bootstrap layer. */
  bootstrap: string
  /** Files of blobs, and of layers of the source that it refers to, by hex id. */
  blobs: ReadonlyMap<string, string>
  /** Those whose chunks need not be read again. */
  checked: ReadonlyMap<string, CheckedBlob>
  /** Files of bootstraps that say where chunks are in blobs that are not at hand. */
  dictionary: readonly string[]
  /** What the layers of the source hold, the lowest first. */
  source: ListingData[]
  /** Of the bootstrap layer, where it is encrypted. */
  key?: LayerKey
}

export interface NydusImageJobResult {
  version: 5 | 6
  /** Of the tar that the bootstrap is in. */
  diffId: Digest
  /** Hex ids of blobs that hold tables, each with that of the layer that these are of. */
  referred: [tables: string, layer: string][]
  comparison: Comparison
  findings: Finding[]
  /** How many there are; `findings` are the first of them. */
  count: number
}

/** Reads the bootstrap and every chunk that it names, and compares what there is with the source. */
export async function run({
  what,
  source,
  bootstrap,
  blobs,
  checked,
  dictionary,
  key,
}: NydusImageJobData): Promise<NydusImageJobResult> {
  const pieceSize = source[0]?.pieceSize ?? CONTENT_PIECE
  using stack = new DisposableStack()
  const file = stack.use(openFile(bootstrap, what))
  const opened = await readBootstrapLayer(key === undefined ? file : decrypted(file, key), what)
  const chunksElsewhere = openDictionaryChunks(dictionary, opened.version)
  const open = (blobId: string): BlobSource => {
    const path = blobs.get(blobId)
    if (path === undefined) {
      throw new AccelError('CONTENT_NOT_FOUND', {
        what: `blob sha256:${blobId}`,
        where: `${what}, whose bootstrap names it`,
      })
    }
    return stack.use(openFile(path, `${what}, blob sha256:${blobId}`))
  }
  const openBlob = async (blob: NydusBlob): Promise<ChunkReader> => {
    const { blobId, tablesId, compressor, digester, cipher, entry } = blob
    const init = { what: `${what}, blob sha256:${tablesId ?? blobId}`, compressor, cipher, entry }
    if (tablesId !== undefined) {
      if (checked.get(tablesId)?.digester === digester) {
        return checkedRefChunks(open(tablesId), digester, init.what, entry)
      }
      return refChunks(open(tablesId), open(blobId), init.what, entry)
    }
    if (!blobs.has(blobId)) {
      const elsewhere = chunksElsewhere(blob, init.what)
      if (elsewhere !== undefined) return elsewhere
    }
    const file = open(blobId)
    if (opened.version === 5) return v5Chunks(file, init)
    const known = checked.get(blobId)
    const isKnown = known?.compressor === compressor && known.digester === digester
    return v6Chunks(file, init, isKnown)
  }
  const comparison = new TreeComparison(treeOf(source), allowancesOf('nydus'))
  const findings = await readNydusImage(opened, {
    what,
    pieceSize,
    openBlob,
    take: (entry) => comparison.add(entry),
  })
  for (const problem of opened.problems) findings.add('bootstrap', problem)
  for (const [id, digest] of opened.metas) {
    const problem = await metaProblem(id, digest, opened.blobs, blobs)
    if (problem !== undefined) findings.add(`image/${id}.blob.meta`, problem)
  }
  return {
    version: opened.version,
    diffId: opened.diffId,
    referred: opened.blobs.flatMap(({ blobId, tablesId }) =>
      tablesId === undefined ? [] : [[tablesId, blobId]],
    ),
    comparison: comparison.finish(),
    findings: findings.kept,
    count: findings.count,
  }
}

/** Why nydusd, which takes the chunk table of a blob from a file beside the bootstrap, would not find its chunks. */
async function metaProblem(
  id: string,
  digest: Digest,
  entries: readonly NydusBlob[],
  files: ReadonlyMap<string, string>,
): Promise<string | undefined> {
  const path = files.get(id)
  if (path === undefined) return 'the image has no such blob'
  const entry = entries.find(({ blobId, tablesId }) => (tablesId ?? blobId) === id)
  using file = openFile(path, `blob sha256:${id}`)
  try {
    const reader = await BlobReader.open(file, `blob sha256:${id}`, entry?.cipher)
    const stored = await reader.chunkTableBytes()
    if (stored === undefined) return 'its blob has no chunk table'
    const same = digestOf(blobMetaFile(stored.table, stored.header)) === digest
    return same ? undefined : 'it is not the chunk table of its blob'
  } catch (error) {
    if (isAccelError(error)) return error.message
    throw error
  }
}

function decrypted(file: BlobSource, key: LayerKey): BlobSource {
  return {
    size: file.size,
    read: async (offset, length) => decryptRange(await file.read(offset, length), offset, key),
  }
}
