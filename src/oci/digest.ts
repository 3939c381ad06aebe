import { createHash, type Hash } from 'node:crypto'
import { AccelError } from '../errors/accel-error.ts'

declare const brand: unique symbol

/** A digest as OCI writes it, `sha256:` and 64 lower-case hex digits; made only by parseDigest and its kind. */
export type Digest = string & { readonly [brand]: 'Digest' }

const form = /^sha256:[0-9a-f]{64}$/

/** Checks `text` and returns it as a Digest. Throws REFERENCE_INVALID; only sha256 is supported, as in every registry that converts. */
export function parseDigest(text: string): Digest {
  if (!form.test(text)) {
    throw new AccelError('REFERENCE_INVALID', {
      text,
      problem: 'a digest is "sha256:" and 64 lower-case hex digits',
    })
  }
  return text as Digest
}

/** Tells whether `text` is a digest. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && form.test(text)
}

/** The sha256 digest of `bytes`. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return digestFrom(createHash('sha256').update(bytes))
}

/** Ends `hash`, a sha256, and returns its digest. */
export function digestFrom(hash: Hash): Digest {
  return `sha256:${hash.digest('hex')}` as Digest
}

/** The 64 hex digits of a digest. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length)
}
