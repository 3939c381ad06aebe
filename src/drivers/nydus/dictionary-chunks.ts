import { readFileSync } from 'node:fs'
import type { ChunkDictionary } from '../../formats/nydus-blob/chunk-writer.ts'
import { ChunkStore } from '../../formats/nydus-tree/chunk-store.ts'
import { atStore } from '../blob-file.ts'
import { OWN_BLOB } from './layer-build.ts'
import { rafsOf, type RafsBlob, type RafsVersion } from './rafs.ts'

/** The chunks of a dictionary and its blobs, as a layer that is built refers to them. */
export interface DictionaryChunks extends ChunkDictionary {
  /** Blob i is the blob OWN_BLOB + 1 + i of the layer. */
  blobs: RafsBlob[]
}

/** All bytes of a bootstrap. Throws STORE_UNUSABLE. */
export function readBootstrapFile(path: string): Uint8Array {
  return atStore(path, () => readFileSync(path))
}

/**
 * Reads the chunks of bootstraps that were checked before; of equal ones the first counts. About 80 bytes a chunk.
 * Throws FORMAT_…, STORE_….
 */
export function readDictionary(paths: readonly string[], version: RafsVersion): DictionaryChunks {
  const chunks = new ChunkStore()
  const blobs: RafsBlob[] = []
  const places = new Map<string, number>()
  for (const path of paths) {
    const read = rafsOf(version).read(readBootstrapFile(path), 'the chunk dictionary')
    const indexes = read.blobs.map((blob) => {
      const known = places.get(blob.blobId) ?? blobs.push(blob) - 1
      places.set(blob.blobId, known)
      return known
    })
    const { chunks: theirs } = read.tree.inodes
    for (let id = 0; id < theirs.length; id++) {
      const digest = theirs.digestOf(id)
      if (chunks.find(digest, theirs.uncompressedSizeOf(id)) !== -1) continue
      chunks.addFrom(theirs, id, indexes[theirs.blobIndexOf(id)]!)
    }
  }
  return { chunks, blobs, blobIndexOf: (blob) => OWN_BLOB + 1 + blob }
}
