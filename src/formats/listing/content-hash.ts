import { createHash } from 'node:crypto'
import type { Digester } from '../nydus-blob/algorithm.ts'
import {
  blake3IsNative,
  digestFunction,
  newBlake3Hasher,
  type DigestFunction,
} from '../nydus-blob/chunk-digest.ts'

/** Bytes of a piece, unless said otherwise: those of a Nydus chunk. */
export const CONTENT_PIECE = 0x10_0000

/**
 * BLAKE3 where the native binding is there, which costs next to nothing, else SHA-256. Digests of one can be compared
 * with each other, not with those of the other.
 */
export const CONTENT_DIGESTER: Digester = blake3IsNative ? 'blake3' : 'sha256'

/**
 * Digests of the content of files, one after the other: making a hasher for each costs more than a small file does.
 * A file of at most one piece has the digest of its bytes; a longer one that of the digests of its pieces, so that who
 * knows those, as a format that stores files in chunks, knows the digest of the file without its bytes.
 */
export interface ContentHash {
  update(bytes: Uint8Array): void
  /** The 32 bytes of what came since the last call; the next file begins. */
  digest(): Uint8Array
  /** The digest of a file that is at hand as a whole. Only between two files. */
  digestOf(bytes: Uint8Array): Uint8Array
}

/** Makes one for files that are cut into pieces of `pieceSize` bytes. BLAKE3 needs the native binding. */
export function newContentHash(
  pieceSize: number = CONTENT_PIECE,
  digester: Digester = CONTENT_DIGESTER,
): ContentHash {
  return new PieceHash(pieceSize, digester)
}

/** The digest of a file whose pieces have these, in order, at least one. */
export function contentOfPieces(
  digests: readonly Uint8Array[],
  digester: Digester = CONTENT_DIGESTER,
): Uint8Array {
  return digests.length === 1 ? digests[0]! : digestFunction(digester)(Buffer.concat(digests))
}

class PieceHash implements ContentHash {
  readonly #size: number
  readonly #digester: Digester
  readonly #whole: DigestFunction
  readonly #hash: { update(bytes: Uint8Array): void; digest(): Uint8Array }
  #left: number
  /** Of the pieces that are over. */
  #pieces: Uint8Array[] = []

  constructor(size: number, digester: Digester) {
    this.#digester = digester
    this.#whole = digestFunction(digester)
    this.#hash = digester === 'blake3' ? newBlake3Hasher()! : newSha256Hasher()
    this.#size = size
    this.#left = size
  }

  update(bytes: Uint8Array): void {
    let rest = bytes
    // A piece ends when there is more: the last may be a full one.
    while (rest.length > this.#left) {
      this.#hash.update(rest.subarray(0, this.#left))
      rest = rest.subarray(this.#left)
      this.#pieces.push(this.#hash.digest())
      this.#left = this.#size
    }
    this.#hash.update(rest)
    this.#left -= rest.length
  }

  digest(): Uint8Array {
    const last = this.#hash.digest()
    this.#left = this.#size
    if (this.#pieces.length === 0) return last
    const digests = [...this.#pieces, last]
    this.#pieces = []
    return contentOfPieces(digests, this.#digester)
  }

  digestOf(bytes: Uint8Array): Uint8Array {
    if (bytes.length <= this.#size) return this.#whole(bytes)
    this.update(bytes)
    return this.digest()
  }
}

function newSha256Hasher(): { update(bytes: Uint8Array): void; digest(): Uint8Array } {
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
