import { BlobReader } from '../../formats/nydus-blob/blob-reader.ts'
import { openFile } from '../file-source.ts'
import type { NydusFormat } from './options.ts'
import { rafsOf, versionOf } from './rafs.ts'

/**
 * Why the blob of another builder cannot stand beside ours in one image, or undefined where it can: all blobs of a
 * bootstrap have one version, chunk size, compression and kind of digest. Throws FORMAT_….
 */
export async function blobProblem(
  path: string,
  what: string,
  format: NydusFormat,
): Promise<string | undefined> {
  using file = openFile(path, what)
  const blob = await BlobReader.open(file, what)
  const bytes = await blob.bootstrap()
  if (bytes === undefined) return 'it has no bootstrap'
  const version = versionOf(bytes)
  if (version !== format.version) return `it is of RAFS v${version}, not v${format.version}`
  const { tree, compressor, digester, blobs } = rafsOf(version).read(bytes, what)
  const { chunkSize } = tree.inodes
  if (chunkSize !== format.chunkSize) {
    return `its chunks have ${chunkSize} bytes, not ${format.chunkSize}`
  }
  if (compressor !== format.codec.compressor) {
    return `its chunks are compressed by ${compressor}, not ${format.codec.compressor}`
  }
  if (digester !== 'blake3') return `its digests are ${digester}`
  return blobs.length > 1 ? 'it refers to the blobs of other images' : undefined
}
