import type { Digest } from '../../oci/digest.ts'
import type { Compressor, Digester } from './algorithm.ts'

/** What the check is that is remembered: a blob that passed another one is read again. */
export const CHUNK_CHECK = 1

/**
 * All chunks of a blob were read back, each from the place that its chunk table says, and had the digests of its digest
 * array; its ToC is right. Plain data, kept with the layer: the bytes of a blob do not change.
 */
export interface CheckedBlob {
  /** Of the blob. */
  digest: Digest
  /** CHUNK_CHECK. */
  check: number
  /** With which it was read. */
  compressor: Compressor
  digester: Digester
}

/** Whether `checked` is said of the blob with this digest, and by the present check. */
export function isChecked(checked: CheckedBlob | undefined, digest: Digest): boolean {
  return checked?.digest === digest && checked.check === CHUNK_CHECK
}
