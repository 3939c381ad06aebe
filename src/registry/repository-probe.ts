import { AccelError } from '../errors/accel-error.ts'
import { single } from '../network/exchange.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf, type Digest } from '../oci/digest.ts'
import type { CallInit } from '../transport/image-transport.ts'
import { describeBlob } from './blob.ts'
import { brokenBody, type RepositoryAccess } from './repository-access.ts'
import { listReferrers, type Referrers } from './referrers-list.ts'
import { cancelSession, openSession } from './upload-session.ts'

/** What a registry can do, and lets us do, in one repository: asked of it, leaving nothing behind but where it says so. */
export interface RepositoryProbe {
  /**
   * Begins an upload and gives it up: whether a push would be let in. Returns whether the registry took it back; else it
   * clears it away by itself, later. Throws REGISTRY_….
   */
  upload(init?: CallInit): Promise<{ cancelled: boolean }>
  /**
   * Asks for the last bytes of a blob. `partial`: the registry, or the storage to which it redirects, sent these alone, as
   * lazy pulling needs. Throws CONTENT_NOT_FOUND, REGISTRY_….
   */
  range(descriptor: Descriptor, init?: CallInit): Promise<{ partial: boolean; problem?: string }>
  /** What says that it belongs to `subject`. Throws REGISTRY_…, IMAGE_…. */
  referrers(subject: Digest, init?: CallInit): Promise<Referrers>
  /**
   * The actions that a token gives us here when we ask to pull and push; undefined where there is no token, or one that
   * does not say it. Throws REGISTRY_….
   */
  granted(): Promise<ReadonlySet<string> | undefined>
  /** Removes a manifest. Throws REGISTRY_…, also where the account may not or the registry never does. */
  deleteManifest(digest: Digest, init?: CallInit): Promise<void>
}

/** Bytes that are asked for, from the end. */
const PART = 16

/** The probe behind `access`. */
export function createRepositoryProbe(access: RepositoryAccess): RepositoryProbe {
  return {
    async upload(init = {}) {
      const blob = nameless()
      const session = await openSession(access, blob, init)
      return { cancelled: await cancelSession(access, blob, session) }
    },
    range: (descriptor, init = {}) => range(access, descriptor, init),
    referrers: (subject, init = {}) => listReferrers(access, subject, init),
    granted: () => granted(access),
    async deleteManifest(digest, init = {}) {
      const answer = await access.transport.send({
        ...access.request('push', init),
        method: 'DELETE',
        target: access.path(`manifests/${digest}`),
        what: `the deletion of ${access.describe(digest)}`,
        expect: [200, 202, 204, 404],
      })
      await answer.discard()
    },
  }
}

/** A blob that is never sent; its name stands in messages. */
function nameless(): Descriptor {
  return { mediaType: 'application/octet-stream', digest: digestOf('a test upload'), size: 13 }
}

async function range(
  access: RepositoryAccess,
  descriptor: Descriptor,
  init: CallInit,
): ReturnType<RepositoryProbe['range']> {
  const { size } = descriptor
  const first = Math.max(0, size - PART)
  const what = describeBlob(access, descriptor)
  const answer = await access.transport.send({
    ...access.request('pull', init),
    method: 'GET',
    target: access.path(`blobs/${descriptor.digest}`),
    what,
    headers: { range: `bytes=${first}-${size - 1}` },
    expect: [200, 206, 404],
    lane: 'pull',
  })
  const { status } = answer
  if (status !== 206) {
    await answer.discard()
    if (status === 200) return { partial: false, problem: 'it answers 200 with the whole blob' }
    throw new AccelError('CONTENT_NOT_FOUND', { what, where: access.name })
  }
  let length = 0
  try {
    for await (const bytes of answer.body) length += bytes.length
  } catch (error) {
    throw brokenBody(access, what, error, 1)
  }
  const told = single(answer.headers['content-range'])
  const expected = `bytes ${first}-${size - 1}/${size}`
  if (told !== expected && told !== expected.replace(/\d+$/, '*')) {
    return { partial: false, problem: `it answers 206 with Content-Range ${told ?? 'missing'}` }
  }
  if (length === size - first) return { partial: true }
  return { partial: false, problem: `it answers 206 with ${length} bytes, not ${size - first}` }
}

async function granted({
  transport,
  repository,
  request,
}: RepositoryAccess): ReturnType<RepositoryProbe['granted']> {
  const grants = await transport.login.granted(request('push', {}).scopes)
  if (grants === undefined) return undefined
  const own = grants.filter(({ type, name }) => type === 'repository' && name === repository)
  return new Set(own.flatMap(({ actions }) => actions))
}
