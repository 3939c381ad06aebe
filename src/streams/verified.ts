import { createHash } from 'node:crypto'
import { AccelError } from '../errors/accel-error.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestFrom } from '../oci/digest.ts'
import type { ByteSource } from './byte-source.ts'

/**
 * Passes `source` through unchanged and throws at its end if it was not what `descriptor` names, or as soon as
 * it is longer. `what` names the bytes in the message.
 */
export async function* verified(
  source: ByteSource,
  descriptor: Pick<Descriptor, 'digest' | 'size'>,
  what: string,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of source) {
    size += chunk.length
    if (size > descriptor.size) break
    hash.update(chunk)
    yield chunk
  }
  if (size !== descriptor.size) {
    throw new AccelError('CONTENT_SIZE_MISMATCH', { what, want: descriptor.size, got: size })
  }
  const got = digestFrom(hash)
  if (got !== descriptor.digest) {
    throw new AccelError('CONTENT_DIGEST_MISMATCH', { what, want: descriptor.digest, got, size })
  }
}
