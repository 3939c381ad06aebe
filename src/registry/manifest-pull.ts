import { AccelError, isAccelError } from '../errors/accel-error.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf, isDigest, type Digest } from '../oci/digest.ts'
import {
  isIndexType,
  isManifestType,
  isSchema1Type,
  MANIFEST_ACCEPT,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../oci/media-type.ts'
import { collect } from '../streams/byte-source.ts'
import type { CallInit } from '../transport/image-transport.ts'
import { single } from '../network/exchange.ts'
import { readWhole, type RepositoryAccess } from './repository-access.ts'
import type { RegistryAnswerHead } from './sender.ts'

/** Largest manifest or index: registries refuse larger ones. Source: OCI distribution-spec, "Pushing Manifests". */
export const MAX_MANIFEST_SIZE = 4 * 1024 * 1024

/** Refusals of a HEAD, whose answer has no words; a GET is refused with them. A login is not tried twice: accounts get locked. */
const wordless = ['REGISTRY_DENIED', 'REGISTRY_POLICY', 'REGISTRY_STATUS'] as const

/**
 * The descriptor under a tag or digest. Asked by HEAD, which no registry counts as a pull; by GET where HEAD does not tell
 * the digest, size and type. Undefined when there is none.
 */
export async function findManifest(
  access: RepositoryAccess,
  tagOrDigest: string,
  init: CallInit = {},
): Promise<Descriptor | undefined> {
  const answer = await headManifest(access, tagOrDigest, init)
  if (answer === undefined) return findByGet(access, tagOrDigest, init)
  if (answer.status === 404) return undefined
  const digest = single(answer.headers['docker-content-digest'])
  const size = Number(single(answer.headers['content-length']) ?? Number.NaN)
  const mediaType = mediaTypeIn(single(answer.headers['content-type']))
  const complete =
    answer.status === 200 &&
    isDigest(digest) &&
    Number.isSafeInteger(size) &&
    size > 0 &&
    isImageType(mediaType)
  if (!complete || (isDigest(tagOrDigest) && tagOrDigest !== digest))
    return findByGet(access, tagOrDigest, init)
  return { mediaType, digest, size }
}

/** The answer to HEAD; undefined when it was refused without words. */
async function headManifest(
  access: RepositoryAccess,
  tagOrDigest: string,
  init: CallInit,
): Promise<RegistryAnswerHead | undefined> {
  try {
    const answer = await access.transport.send({
      ...access.request('pull', init),
      method: 'HEAD',
      target: access.path(`manifests/${tagOrDigest}`),
      what: access.describe(tagOrDigest),
      headers: { accept: MANIFEST_ACCEPT },
      // 400 and 405: some registries do not know HEAD here.
      expect: [200, 400, 404, 405],
    })
    await answer.discard()
    return answer
  } catch (error) {
    if (wordless.some((code) => isAccelError(error, code))) return undefined
    throw error
  }
}

/** The bytes of the manifest or index that `descriptor` names. Throws CONTENT_NOT_FOUND, CONTENT_TOO_LARGE, CONTENT_…_MISMATCH. */
export async function pullManifest(
  access: RepositoryAccess,
  descriptor: Descriptor,
  init: CallInit = {},
): Promise<Uint8Array> {
  const what = access.describe(descriptor.digest)
  if (descriptor.size > MAX_MANIFEST_SIZE) throw tooLarge(what, descriptor.size)
  const got = await getManifest(access, descriptor.digest, init)
  if (got === undefined)
    throw new AccelError('CONTENT_NOT_FOUND', { what: descriptor.digest, where: access.name })
  if (got.bytes.length !== descriptor.size) {
    throw new AccelError('CONTENT_SIZE_MISMATCH', {
      what,
      want: descriptor.size,
      got: got.bytes.length,
    })
  }
  checkDigest(what, got.bytes, descriptor.digest)
  return got.bytes
}

/** The bytes and type under a tag or digest, unverified; undefined when there are none. */
export async function getManifest(
  access: RepositoryAccess,
  tagOrDigest: string,
  init: CallInit = {},
): Promise<{ bytes: Uint8Array; contentType: string } | undefined> {
  const what = access.describe(tagOrDigest)
  return readWhole(
    access,
    {
      ...access.request('pull', init),
      method: 'GET',
      target: access.path(`manifests/${tagOrDigest}`),
      what,
      headers: { accept: MANIFEST_ACCEPT },
      expect: [200, 404],
    },
    async (answer) => {
      if (answer.status === 404) {
        await answer.discard()
        return undefined
      }
      const bytes = await collect(answer.body, MAX_MANIFEST_SIZE, (size) => tooLarge(what, size))
      return { bytes, contentType: mediaTypeIn(single(answer.headers['content-type'])) }
    },
  )
}

async function findByGet(
  access: RepositoryAccess,
  tagOrDigest: string,
  init: CallInit,
): Promise<Descriptor | undefined> {
  const got = await getManifest(access, tagOrDigest, init)
  if (got === undefined) return undefined
  const digest = digestOf(got.bytes)
  const what = access.describe(tagOrDigest)
  if (isDigest(tagOrDigest)) checkDigest(what, got.bytes, tagOrDigest)
  return { mediaType: typeOf(got.bytes, got.contentType), digest, size: got.bytes.length }
}

function checkDigest(what: string, bytes: Uint8Array, want: Digest): void {
  const got = digestOf(bytes)
  if (got !== want)
    throw new AccelError('CONTENT_DIGEST_MISMATCH', { what, want, got, size: bytes.length })
}

/** The type a manifest has by its header, else by what it says, else by what it has. */
function typeOf(bytes: Uint8Array, contentType: string): string {
  if (isImageType(contentType)) return contentType
  let document: Record<string, unknown>
  try {
    document = JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown>
  } catch {
    return contentType
  }
  if (typeof document !== 'object' || document === null) return contentType
  if (typeof document['mediaType'] === 'string') return document['mediaType']
  if (Array.isArray(document['manifests'])) return OCI_INDEX
  return Array.isArray(document['layers']) ? OCI_MANIFEST : contentType
}

function isImageType(mediaType: string): boolean {
  return isIndexType(mediaType) || isManifestType(mediaType) || isSchema1Type(mediaType)
}

function mediaTypeIn(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

function tooLarge(what: string, size: number): AccelError {
  return new AccelError('CONTENT_TOO_LARGE', { what, size, limit: MAX_MANIFEST_SIZE })
}
