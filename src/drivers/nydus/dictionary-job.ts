/** What a layer thread does with the bootstrap layer of a chunk dictionary: takes the bootstrap out and checks it. */
import { hasFeature, BlobFeature } from '../../formats/nydus-blob/feature.ts'
import { openDecoder } from '../../formats/layer-decoder.ts'
import { TarReader } from '../../formats/tar/reader.ts'
import type { LayerHost } from '../../threads/layer-host.ts'
import { openBlobFile } from '../blob-file.ts'
import { BOOTSTRAP_PATH } from './bootstrap-layer.ts'
import { readBootstrapFile } from './dictionary-chunks.ts'
import type { NydusFormat } from './options.ts'
import { rafsOf, versionOf } from './rafs.ts'

/** What the main thread says of it. */
export interface DictionaryJobData {
  what: string
  /** What the bootstrap must be of. */
  format: NydusFormat
  /** File that it is written to. */
  path: string
}

/** What it is told. */
export type DictionaryJobResult =
  /** Why the conversion cannot use it. */
  | { problem: string }
  /** Ids of the blobs that it refers to. */
  | { problem: undefined; blobIds: string[] }

/** Runs one. Throws FORMAT_…, STORE_…, and what the source throws. */
export async function run(data: DictionaryJobData, host: LayerHost): Promise<DictionaryJobResult> {
  try {
    const found = await unpack(data, host)
    return found ? check(data) : { problem: `its last layer has no ${BOOTSTRAP_PATH}` }
  } catch (error) {
    // A download that was cut or damaged is found at its end; that then is the error.
    while ((await host.pull()) !== undefined);
    throw error
  }
}

/** Writes the bootstrap to its file; tells whether there is one. */
async function unpack({ what, path }: DictionaryJobData, host: LayerHost): Promise<boolean> {
  using file = openBlobFile(path)
  const reader = new TarReader({ what })
  let wanted = false
  let found = false
  const take = (): void => {
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      if (event.type === 'entry') {
        wanted = event.entry.name === BOOTSTRAP_PATH && event.entry.type === 'file'
        found ||= wanted
      } else if (event.type === 'data' && wanted) file.write(event.bytes)
    }
  }
  const decoder = openDecoder({ what })
  const drain = (): void => {
    for (let bytes = decoder.next(); bytes !== undefined; bytes = decoder.next()) {
      reader.push(bytes)
      take()
    }
  }
  try {
    for (let piece = await host.pull(); piece !== undefined; piece = await host.pull()) {
      decoder.push(piece)
      drain()
    }
    decoder.end()
    drain()
  } finally {
    decoder.close()
  }
  reader.end()
  take()
  return found
}

/** Whether layers of `format` can refer to chunks of the bootstrap. */
function check({ what, format, path }: DictionaryJobData): DictionaryJobResult {
  const { version, codec, chunkSize } = format
  const bytes = readBootstrapFile(path)
  const found = versionOf(bytes)
  if (found !== undefined && found !== version) {
    return { problem: `its fs_version is ${found}, that of the conversion ${version}` }
  }
  const { tree, compressor, digester, blobs } = rafsOf(version).read(bytes, what)
  if (compressor !== codec.compressor) {
    return {
      problem: `its compressor is ${compressor}, that of the conversion ${codec.compressor}`,
    }
  }
  const { chunkSize: theirs } = tree.inodes
  if (theirs !== chunkSize) {
    return { problem: `its fs_chunk_size is ${theirs}, that of the conversion ${chunkSize}` }
  }
  if (digester !== 'blake3') {
    return { problem: `its chunks are named by ${digester}, ours by blake3` }
  }
  if (blobs.some(({ features }) => hasFeature(features, BlobFeature.encrypted))) {
    return { problem: 'its blobs are encrypted' }
  }
  return { problem: undefined, blobIds: blobs.map(({ blobId }) => blobId) }
}
