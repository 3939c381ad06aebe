import { createHash, type Hash } from 'node:crypto'
import { digestFrom, type Digest } from '../oci/digest.ts'

/** Takes the bytes of a stream in order, and gives their sha256 in the end. */
export interface StreamHash {
  update(bytes: Uint8Array): void
  /** The digest of all bytes so far; nothing may follow. */
  digest(): Digest
}

/** A hash of one stream alone. */
export function openStreamHash(): StreamHash {
  const hash = createHash('sha256')
  return { update: (bytes) => void hash.update(bytes), digest: () => digestFrom(hash) }
}

/** Bytes by which one stream may be behind the other before they are hashed apart. */
const MAX_LAG = 64 * 1024
const NO_BYTES = new Uint8Array(0)

/**
 * The digests of a stream and of a copy that is made of it and is often the same, such as the tar of a layer before
 * and after its conversion. As long as they are the same the copy is only compared, a tenth of the work, and the
 * bytes are hashed once. From the first difference on each has a hash of its own; so they have where one is behind
 * the other by more than 64 KiB. The digests are always those of the bytes.
 *
 * Memory: a piece of the original, and 64 KiB.
 */
export class TwinHash {
  /** Of what both have; of the original alone once they differ. */
  readonly #hash: Hash = createHash('sha256')
  /** Of the copy, once they differ. */
  #copyHash: Hash | undefined = undefined
  /** What comes in the original behind what is hashed, as far as it is known. */
  #window: Uint8Array = NO_BYTES
  /** Bytes of the window that the copy has, too. */
  #same = 0
  /** What the copy has behind the window. */
  #ahead: Uint8Array = NO_BYTES

  readonly original: StreamHash & { settle(): void } = {
    update: (bytes) => this.#addToOriginal(bytes),
    /** The bytes of the last `update` may change from now on. */
    settle: () => this.#settle(),
    digest: () => digestFrom(this.#hash.copy().update(this.#window)),
  }

  readonly copy: StreamHash = {
    update: (bytes) => this.#addToCopy(bytes),
    digest: () => digestFrom(this.#part()),
  }

  #addToOriginal(bytes: Uint8Array): void {
    this.#settle()
    if (this.#copyHash !== undefined) {
      this.#hash.update(bytes)
      return
    }
    this.#window = this.#window.length === 0 ? bytes : Buffer.concat([this.#window, bytes])
    const ahead = this.#ahead
    this.#ahead = NO_BYTES
    this.#addToCopy(ahead)
  }

  #addToCopy(bytes: Uint8Array): void {
    if (this.#copyHash !== undefined) {
      this.#copyHash.update(bytes)
      return
    }
    const common = bytes.subarray(0, this.#window.length - this.#same)
    const there = this.#window.subarray(this.#same, this.#same + common.length)
    if (Buffer.compare(common, there) !== 0) {
      this.#part().update(bytes)
      return
    }
    this.#same += common.length
    if (common.length === bytes.length) return
    this.#ahead = Buffer.concat([this.#ahead, bytes.subarray(common.length)])
    if (this.#ahead.length > MAX_LAG) this.#part()
  }

  #settle(): void {
    if (this.#window.length - this.#same > MAX_LAG) this.#part()
    this.#hash.update(this.#window.subarray(0, this.#same))
    this.#window = Uint8Array.from(this.#window.subarray(this.#same))
    this.#same = 0
  }

  /** From here on they are hashed apart. Gives the hash of the copy. */
  #part(): Hash {
    if (this.#copyHash !== undefined) return this.#copyHash
    this.#hash.update(this.#window.subarray(0, this.#same))
    this.#copyHash = this.#hash.copy().update(this.#ahead)
    this.#hash.update(this.#window.subarray(this.#same))
    this.#window = this.#ahead = NO_BYTES
    this.#same = 0
    return this.#copyHash
  }
}
