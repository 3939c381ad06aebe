import { AccelError } from '../errors/accel-error.ts'
import { isDigest } from '../oci/digest.ts'
import { isTag } from '../oci/reference.ts'
import type { ImageTarget, RangedSource } from '../transport/image-transport.ts'
import { pullBlob } from './blob-pull.ts'
import { pullBlobRange } from './blob-range.ts'
import { hasBlob } from './blob.ts'
import { pushBlob, type UploadInit } from './blob-push.ts'
import { findManifest, pullManifest } from './manifest-pull.ts'
import { listTags } from './listing.ts'
import { pushManifest } from './manifest-push.ts'
import type { ListInit } from './pages.ts'
import type { RepositoryAccess } from './repository-access.ts'

/** One repository of a registry, to read images from and to write them to. */
export interface RegistryRepository extends RangedSource, ImageTarget {
  /** `host/repository`, the host as in references. */
  readonly name: string
  readonly host: string
  readonly repository: string
  /** Its tags; none where it does not exist. Throws REGISTRY_…. */
  tags(init?: ListInit): AsyncGenerator<string>
}

/** The repository behind `access`. */
export function createRepository(access: RepositoryAccess, upload: UploadInit): RegistryRepository {
  return {
    name: access.name,
    host: access.transport.host.name,
    repository: access.repository,
    async resolve(tagOrDigest = 'latest', init = {}) {
      const found = await this.find(tagOrDigest, init)
      if (found !== undefined) return found
      throw new AccelError('CONTENT_NOT_FOUND', { what: tagOrDigest, where: access.name })
    },
    async find(tagOrDigest, init) {
      checkTagOrDigest(tagOrDigest)
      return findManifest(access, tagOrDigest, init)
    },
    tags: (init = {}) => listTags(access, init),
    manifest: (descriptor, init) => pullManifest(access, descriptor, init),
    blob: (descriptor, init) => pullBlob(access, descriptor, init),
    blobRange: (descriptor, range, init) => pullBlobRange(access, descriptor, range, init),
    hasBlob: (descriptor, init) => hasBlob(access, descriptor, init),
    pushBlob: (descriptor, open, init) => pushBlob(access, upload, descriptor, open, init),
    async pushManifest(bytes, descriptor, init = {}) {
      if (init.tag !== undefined) checkTagOrDigest(init.tag)
      await pushManifest(access, bytes, descriptor, init)
    },
  }
}

/** It becomes part of a URL, so nothing but a tag or digest may pass. */
function checkTagOrDigest(text: string): void {
  if (isTag(text) || isDigest(text)) return
  throw new AccelError('REFERENCE_INVALID', { text, problem: 'it is neither a tag nor a digest' })
}
