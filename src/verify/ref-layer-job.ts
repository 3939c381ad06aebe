/** What a layer thread does to read back a layer that stays where it is. */
import {
  COMPRESSORS,
  DIGESTERS,
  type Compressor,
  type Digester,
} from '../formats/nydus-blob/algorithm.ts'
import { BlobReader } from '../formats/nydus-blob/blob-reader.ts'
import { readRafsV6 } from '../formats/rafs-v6/read.ts'
import { openFile } from '../drivers/file-source.ts'
import type { Finding } from './finding.ts'
import { invalidBlob } from './nydus-chunks.ts'
import { readNydusImage } from './nydus-image.ts'
import { refChunks } from './ref-chunks.ts'

export interface RefLayerJobData {
  /** Names the layer in messages. */
  what: string
  /** File of the Nydus blob that says how to read it. */
  path: string
  /** File of the layer. */
  layer: string
}

export interface RefLayerJobResult {
  compressor: Compressor
  digester: Digester
  findings: Finding[]
  /** How many there are; `findings` are the first of them. */
  count: number
}

/** Reads every file of the layer by the bootstrap in its blob: each chunk is inflated and held to its digest. */
export async function run({ what, path, layer }: RefLayerJobData): Promise<RefLayerJobResult> {
  using tables = openFile(path, what)
  using data = openFile(layer, `${what}, the layer`)
  const bytes = await (await BlobReader.open(tables, what)).bootstrap()
  if (bytes === undefined) throw invalidBlob(what, 0, 'it has no bootstrap')
  const links: number[] = []
  const { tree, blobs, compressor, digester } = readRafsV6(bytes, {
    what,
    onLinks: (nlink) => void links.push(nlink),
  })
  const bootstrap = {
    tree,
    links,
    blobs: blobs.map((entry) => ({
      blobId: entry.blobId,
      compressor: COMPRESSORS[entry.compressor]!,
      digester: DIGESTERS[entry.digester]!,
      entry,
    })),
  }
  const findings = await readNydusImage(bootstrap, {
    what,
    pieceSize: tree.inodes.chunkSize,
    openBlob: ({ entry }) => refChunks(tables, data, what, entry),
  })
  return { compressor, digester, findings: findings.kept, count: findings.count }
}
