import type { Descriptor } from '../oci/descriptor.ts'
import type { ByteSource } from '../streams/byte-source.ts'
import type { CallInit, PushedBlob } from '../transport/image-transport.ts'
import { hasBlob } from './blob.ts'
import { mountBlob } from './blob-mount.ts'
import { createUpload, type UploadInit } from './blob-upload.ts'
import type { RepositoryAccess } from './repository-access.ts'

export type { UploadInit } from './blob-upload.ts'

/** What `pushBlob` takes besides the blob. */
export interface PushBlobInit extends CallInit {
  mountFrom?: string[]
  onProgress?: (bytes: number) => void
}

/**
 * Makes the repository hold a blob: it may be there, be mounted from another repository, or is uploaded. `onProgress` is
 * told how many bytes of it have been sent; the number goes back when an upload goes on at an earlier byte.
 * Throws CONTENT_SIZE_MISMATCH when `open` gives other than the descriptor's size, what `open` throws, REGISTRY_…, ABORTED.
 */
export async function pushBlob(
  access: RepositoryAccess,
  upload: UploadInit,
  descriptor: Descriptor,
  open: (offset: number) => ByteSource,
  init: PushBlobInit = {},
): Promise<PushedBlob> {
  if (await hasBlob(access, descriptor, init, 'push')) return 'exists'
  const mounted = await mountBlob(access, descriptor, init.mountFrom ?? [], init)
  if (mounted === 'mounted') return 'mounted'
  await createUpload(access, upload, descriptor, open, init).run(mounted)
  return 'uploaded'
}
