import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { AccelError } from '../../errors/accel-error.ts'

/**
 * Encryption of a blob: AES-128 in XTS mode, each piece (a stored chunk or batch, the chunk table, its header) one data
 * unit, all with the key and the tweak of the blob. A piece keeps its length, but one below 16 bytes becomes 18: filled
 * up to 16 with bytes that say how many they are, and 0x78 0x90. Source: nydus utils/src/crypt.rs (Cipher).
 */

/** Key and tweak of one blob, as they stand in its entry of the blob table. */
export interface BlobCipher {
  /** 32 bytes: two keys of AES-128 that differ. */
  key: Uint8Array
  /** 16 bytes. */
  iv: Uint8Array
}

/** Bytes of a block of AES: what is shorter is padded. */
const BLOCK = 16
/** Bytes of a padded piece. */
const PADDED = 18
const PADDING_END = Buffer.from([0x78, 0x90])

/** Largest data unit of XTS: 2^20 blocks. Source: IEEE 1619, section 5.1. */
export const MAX_ENCRYPTED_PIECE = 16 * 1024 * 1024

/** A random key and tweak. */
export function newBlobCipher(): BlobCipher {
  for (;;) {
    const key = randomBytes(32)
    if (!key.subarray(0, 16).equals(key.subarray(16))) return { key, iv: randomBytes(16) }
  }
}

/** Bytes that a piece of `size` bytes has once it is encrypted. */
export function encryptedSize(size: number): number {
  return size < BLOCK ? PADDED : size
}

/** Tells whether readers would take the end of `bytes` for padding: they cannot be encrypted as they are. */
export function looksPadded(bytes: Uint8Array): boolean {
  return bytes.length === PADDED && PADDING_END.equals(bytes.subarray(BLOCK))
}

/** The encrypted form of a piece of 1 byte to 16 MiB that does not look padded. */
export function encryptPiece(bytes: Uint8Array, { key, iv }: BlobCipher): Uint8Array {
  if (bytes.length > MAX_ENCRYPTED_PIECE) throw new RangeError(`${bytes.length} bytes`)
  if (looksPadded(bytes)) throw new RangeError('a piece that looks padded')
  const cipher = createCipheriv('aes-128-xts', key, iv)
  // XTS takes a data unit in one call and keeps nothing back.
  return cipher.update(bytes.length < BLOCK ? padded(bytes) : bytes)
}

/** The piece that `stored` holds. Throws FORMAT_INVALID where it is none; `what` names it. */
export function decryptPiece(stored: Uint8Array, cipher: BlobCipher, what: string): Uint8Array {
  const invalid = (problem: string): AccelError =>
    new AccelError('FORMAT_INVALID', { what, format: 'encrypted data', offset: 0, problem })
  if (stored.length < BLOCK || stored.length > MAX_ENCRYPTED_PIECE) {
    throw invalid(`${stored.length} bytes`)
  }
  const bytes = createDecipheriv('aes-128-xts', cipher.key, cipher.iv).update(stored)
  if (!looksPadded(bytes)) return bytes
  const filled = bytes[BLOCK - 1]!
  if (filled === 0 || filled >= BLOCK) throw invalid(`a padding of ${filled} bytes`)
  return bytes.subarray(0, BLOCK - filled)
}

function padded(bytes: Uint8Array): Uint8Array {
  const piece = Buffer.alloc(PADDED, BLOCK - bytes.length)
  piece.set(bytes)
  piece.set(PADDING_END, BLOCK)
  return piece
}
