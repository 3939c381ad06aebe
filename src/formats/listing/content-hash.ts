import { createHash } from 'node:crypto'
import { newBlake3Hasher } from '../nydus-blob/chunk-digest.ts'

/** Digests of the content of files, one after the other: making a hasher for each costs more than a small file does. */
export interface ContentHash {
  update(bytes: Uint8Array): void
  /** The 32 bytes of what came since the last call; the next file begins. */
  digest(): Uint8Array
}

/**
 * BLAKE3 where the native binding is there, which costs next to nothing, else SHA-256. Digests of one process can be
 * compared with each other, not with those of another.
 */
export function newContentHash(): ContentHash {
  const native = newBlake3Hasher()
  if (native !== undefined) return native
  let hash = createHash('sha256')
  return {
    update: (bytes) => void hash.update(bytes),
    digest() {
      const digest = hash.digest()
      hash = createHash('sha256')
      return digest
    },
  }
}
