import { isDeepStrictEqual } from 'node:util'
import { readDictionary } from '../drivers/nydus/dictionary-chunks.ts'
import type { RafsBlob, RafsVersion } from '../drivers/nydus/rafs.ts'
import type { Chunk } from '../formats/nydus-tree/chunk-store.ts'
import { invalidBlob, type ChunkReader } from './nydus-chunks.ts'
import type { NydusBlob } from './nydus-image.ts'

/** Gives what can be said of the chunks of a blob; undefined for one that is not known. */
export type ChunksElsewhere = (blob: NydusBlob, what: string) => ChunkReader | undefined

/**
 * Chunks in blobs of other images, which are not at hand: each record must be what the bootstrap of its image, one of
 * `paths`, says of the chunk. Throws FORMAT_….
 */
export function openDictionaryChunks(
  paths: readonly string[],
  version: RafsVersion,
): ChunksElsewhere {
  if (paths.length === 0) return () => undefined
  const { chunks, blobs } = readDictionary(paths, version)
  return ({ blobId, entry }, what) => {
    const number = blobs.findIndex((blob) => blob.blobId === blobId)
    if (number < 0) return undefined
    if (entry !== undefined && !isSameBlob(entry, blobs[number]!)) {
      throw invalidBlob(what, 0, 'the dictionary has another entry of it')
    }
    return {
      comparesOnly: true,
      compare(chunk) {
        const id = chunks.find(chunk.digest, chunk.uncompressedSize)
        const known = id === -1 ? undefined : { ...chunks.get(id), blobIndex: chunk.blobIndex }
        if (known && chunks.blobIndexOf(id) === number && isSameChunk(known, chunk)) return
        throw invalidBlob(what, 0, `the dictionary says another thing of chunk ${chunk.index}`)
      },
      read: () => Promise.reject(invalidBlob(what, 0, 'the blob of another image is not at hand')),
    }
  }
}

/** The position in a blob table is the table's own. */
function isSameBlob(entry: RafsBlob, other: RafsBlob): boolean {
  return isDeepStrictEqual({ ...entry, blobIndex: 0 }, { ...other, blobIndex: 0 })
}

function isSameChunk(one: Chunk, other: Chunk): boolean {
  return (
    one.index === other.index &&
    one.flags === other.flags &&
    one.compressedOffset === other.compressedOffset &&
    one.compressedSize === other.compressedSize &&
    one.uncompressedOffset === other.uncompressedOffset &&
    one.crc32 === other.crc32
  )
}
