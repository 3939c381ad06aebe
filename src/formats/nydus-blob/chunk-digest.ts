import { hash } from 'node:crypto'
import type * as BlakeHash from '@napi-rs/blake-hash'
import type { Digester } from './algorithm.ts'
import { blake3 as portableBlake3 } from './blake3.ts'

/** Takes the 32-byte digest of some bytes. */
export type DigestFunction = (bytes: Uint8Array) => Uint8Array

/** Digest of nothing: what a binding must give to be used. */
const BLAKE3_OF_NOTHING = 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'

const binding = await nativeBinding()
const native: DigestFunction | undefined =
  binding && ((bytes) => binding.blake3(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)))

/** Whether BLAKE3 comes from the native binding; without it digests take some seventy times as long. */
export const blake3IsNative = native !== undefined

const functions: Readonly<Record<Digester, DigestFunction>> = {
  blake3: native ?? portableBlake3,
  sha256: (bytes) => hash('sha256', bytes, 'buffer'),
}

/** The function of a digester: for chunks, and for the inodes of RAFS v5. */
export function digestFunction(digester: Digester): DigestFunction {
  return functions[digester]
}

/** SHA-256 without memory for each digest, which takes as long as that of a small file: valid until the next call. */
export function newSha256Function(): DigestFunction {
  const digest = new Uint8Array(32)
  return (bytes) => {
    const text = hash('sha256', bytes, 'binary')
    for (let i = 0; i < digest.length; i++) digest[i] = text.charCodeAt(i)
    return digest
  }
}

/** A BLAKE3 digest of pieces, by the native binding, again and again; undefined where there is none. */
export function newBlake3Hasher():
  | { update(bytes: Uint8Array): void; digest(): Uint8Array }
  | undefined {
  if (binding === undefined) return undefined
  const hasher = new binding.Blake3Hasher()
  return {
    update: (bytes) =>
      void hasher.update(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)),
    digest() {
      const digest = hasher.digestBuffer()
      hasher.reset()
      return digest
    },
  }
}

async function nativeBinding(): Promise<typeof BlakeHash | undefined> {
  try {
    const loaded = await import('@napi-rs/blake-hash')
    const works = loaded.blake3(Buffer.alloc(0)).toString('hex') === BLAKE3_OF_NOTHING
    return works ? loaded : undefined
  } catch {
    // No binding for this platform.
    return undefined
  }
}
