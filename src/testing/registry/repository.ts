import { createHash } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { AccelError } from '../../errors/accel-error.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import { digestFrom, digestOf, isDigest } from '../../oci/digest.ts'
import { verified } from '../../streams/verified.ts'
import type { ImageSource, ImageTarget } from '../../transport/image-transport.ts'
import type { Storage } from './storage.ts'

/** A repository of a test registry, reached without HTTP. */
export interface TestRepository extends ImageSource, ImageTarget {
  /** Stores bytes as a blob and says what it is. */
  putBlob(bytes: Uint8Array, mediaType?: string): Promise<Descriptor>
  /** Stores a manifest without looking at what it names: how a broken image comes to be. */
  putManifest(bytes: Uint8Array, mediaType: string, tag?: string): Promise<Descriptor>
}

/** Source and target over what a registry stores. */
export function openRepository(storage: Storage, name: string): TestRepository {
  const describe = (reference: string): Descriptor | undefined => {
    const found = storage.manifest(name, reference)
    return found && { mediaType: found.mediaType, digest: found.digest, size: found.bytes.length }
  }
  const missing = (what: string) => new AccelError('CONTENT_NOT_FOUND', { what, where: name })
  return {
    name,
    async resolve(reference) {
      const tags = storage.repositories.get(name)?.tags
      const only = tags?.size === 1 ? [...tags.keys()][0] : undefined
      const wanted = reference ?? only ?? 'latest'
      const found = describe(wanted)
      if (found === undefined) throw missing(wanted)
      return found
    },
    async manifest({ digest }) {
      const found = storage.manifest(name, digest)
      if (found === undefined) throw missing(`manifest ${digest}`)
      return found.bytes
    },
    async *blob(descriptor) {
      const { digest } = descriptor
      if (!storage.repositories.get(name)?.blobs.has(digest)) throw missing(`blob ${digest}`)
      yield* verified(storage.readBlob(digest), descriptor, `${name}@${digest}`)
    },
    async find(reference) {
      return describe(reference)
    },
    async hasBlob({ digest }) {
      return storage.repositories.get(name)?.blobs.has(digest) ?? false
    },
    async pushBlob(descriptor, read, init = {}) {
      if (await this.hasBlob(descriptor)) return 'exists'
      const path = storage.uploadPath()
      const hash = createHash('sha256')
      try {
        await using file = await open(path, 'wx')
        for await (const chunk of verified(read(0), descriptor, descriptor.digest)) {
          init.signal?.throwIfAborted()
          hash.update(chunk)
          await file.writeFile(chunk)
          init.onProgress?.(chunk.length)
        }
        await storage.addBlob(name, path, digestFrom(hash))
        return 'uploaded'
      } catch (error) {
        await rm(path, { force: true })
        throw error
      }
    },
    async pushManifest(bytes, { mediaType }, init = {}) {
      await storage.putManifest(name, bytes, mediaType, init.tag)
    },
    async putBlob(bytes, mediaType = 'application/octet-stream') {
      await storage.putBlob(name, bytes)
      return { mediaType, digest: digestOf(bytes), size: bytes.length }
    },
    async putManifest(bytes, mediaType, tag) {
      if (tag !== undefined && isDigest(tag)) throw new TypeError(`${tag} is no tag`)
      await storage.putManifest(name, bytes, mediaType, tag)
      return { mediaType, digest: digestOf(bytes), size: bytes.length }
    },
  }
}
