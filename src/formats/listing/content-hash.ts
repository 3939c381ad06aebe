import { createHash } from 'node:crypto'
import { newBlake3Hasher } from '../nydus-blob/chunk-digest.ts'

/** A digest under way of the content of one file. */
export interface ContentHash {
  update(bytes: Uint8Array): void
  /** The 32 bytes. */
  digest(): Uint8Array
}

/**
 * Begins a digest: BLAKE3 where the native binding is there, which costs next to nothing, else SHA-256. Digests of
 * one process can be compared with each other, not with those of another.
 */
export function newContentHash(): ContentHash {
  const native = newBlake3Hasher()
  if (native !== undefined) return native
  const hash = createHash('sha256')
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() }
}
