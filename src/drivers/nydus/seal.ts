import { createCipheriv, createDecipheriv, randomBytes, type Cipheriv } from 'node:crypto'
import { zstdDecompressSync } from 'node:zlib'
import { AccelError } from '../../errors/accel-error.ts'

/**
 * The bootstrap inside the blob of an encrypted layer has the blob's key, and the names of all files. Readers never look
 * at it, only whoever merges the layers does; but it is pushed with the blob. So it is sealed with a key that stays in
 * this process and its work directory, and goes with the conversion: AES-256 in CTR mode, from zero since a key seals
 * once.
 */

const CIPHER = 'aes-256-ctr'
const COUNTER = Buffer.alloc(16)

/** A new key, 64 hex digits, and the cipher that seals one bootstrap with it. */
export function newSeal(): { key: string; cipher: Cipheriv } {
  const key = randomBytes(32)
  return { key: key.toString('hex'), cipher: createCipheriv(CIPHER, key, COUNTER) }
}

/** The bootstrap, which was one zstd frame before it was sealed. Throws FORMAT_INVALID; `what` names the layer. */
export function openSealed(sealed: Uint8Array, key: string, what: string): Uint8Array {
  const frame = createDecipheriv(CIPHER, Buffer.from(key, 'hex'), COUNTER).update(sealed)
  try {
    return zstdDecompressSync(frame)
  } catch (cause) {
    const problem = `the key does not open it: ${(cause as Error).message}`
    throw new AccelError(
      'FORMAT_INVALID',
      { what, format: 'sealed bootstrap', offset: 0, problem },
      { cause },
    )
  }
}
