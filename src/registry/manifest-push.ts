import assert from 'node:assert/strict'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf, type Digest } from '../oci/digest.ts'
import type { CallInit } from '../transport/image-transport.ts'
import { putManifest } from './manifest-put.ts'
import { announceReferrer } from './referrers.ts'
import type { RepositoryAccess } from './repository-access.ts'

/** What `pushManifest` takes besides the manifest. */
export interface PushManifestInit extends CallInit {
  tag?: string
  subject?: Digest
}

/**
 * Writes a manifest or index: under `tag`, which makes it known by digest as well, else by digest alone. A tag that already
 * names these bytes is success even where a rule forbids to write it. With `subject`, a registry that does not know of
 * referrers is helped by the tag schema. Throws REGISTRY_TAG_IMMUTABLE, REGISTRY_BLOB_UNKNOWN, REGISTRY_…, ABORTED.
 */
export async function pushManifest(
  access: RepositoryAccess,
  bytes: Uint8Array,
  descriptor: Descriptor,
  init: PushManifestInit = {},
): Promise<void> {
  assert.equal(digestOf(bytes), descriptor.digest, 'the bytes are those of the descriptor')
  const knowsSubject = await putManifest(
    access,
    bytes,
    descriptor.mediaType,
    init.tag ?? descriptor.digest,
    init,
  )
  if (init.subject !== undefined && !knowsSubject) {
    await announceReferrer(access, bytes, descriptor, init.subject, init)
  }
}
