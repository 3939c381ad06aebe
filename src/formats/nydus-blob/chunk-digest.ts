import { hash } from 'node:crypto'
import type { Digester } from './algorithm.ts'
import { blake3 as portableBlake3 } from './blake3.ts'

/** Takes the 32-byte digest of some bytes. */
export type DigestFunction = (bytes: Uint8Array) => Uint8Array

/** Digest of nothing: what a binding must give to be used. */
const BLAKE3_OF_NOTHING = 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'

const native = await nativeBlake3()

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

async function nativeBlake3(): Promise<DigestFunction | undefined> {
  try {
    const { blake3 } = await import('@napi-rs/blake-hash')
    const works = blake3(Buffer.alloc(0)).toString('hex') === BLAKE3_OF_NOTHING
    if (!works) return undefined
    return (bytes) => blake3(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
  } catch {
    // No binding for this platform.
    return undefined
  }
}
