import { AccelError, isAccelError } from '../errors/accel-error.ts'
import { digestOf, isDigest } from '../oci/digest.ts'
import type { CallInit } from '../transport/image-transport.ts'
import { hasCode } from './answer-error.ts'
import { single } from '../network/exchange.ts'
import { findManifest } from './manifest-pull.ts'
import type { RepositoryAccess } from './repository-access.ts'

/** PUTs a manifest; whether the registry said that it understood its subject (OCI-Subject). */
export async function putManifest(
  access: RepositoryAccess,
  bytes: Uint8Array,
  mediaType: string,
  tagOrDigest: string,
  init: CallInit,
): Promise<boolean> {
  const what = access.describe(tagOrDigest)
  const digest = digestOf(bytes)
  let answer
  try {
    answer = await access.transport.send({
      ...access.request('push', init),
      method: 'PUT',
      target: access.path(`manifests/${tagOrDigest}`),
      what,
      headers: { 'content-type': mediaType },
      body: { size: bytes.length, open: () => bytes },
      // 200 and 202 are what some registries answer for a manifest that was there.
      expect: [200, 201, 202],
    })
  } catch (error) {
    if (isAccelError(error, 'REGISTRY_TAG_IMMUTABLE') && !isDigest(tagOrDigest)) {
      const current = await findManifest(access, tagOrDigest, init).catch(() => undefined)
      if (current?.digest === digest) return false
    }
    throw missingBlob(error)
  }
  await answer.discard()
  const stored = single(answer.headers['docker-content-digest'])
  if (stored !== undefined && isDigest(stored) && stored !== digest) {
    throw new AccelError('CONTENT_DIGEST_MISMATCH', {
      what,
      want: digest,
      got: stored,
      size: bytes.length,
    })
  }
  return answer.headers['oci-subject'] !== undefined
}

/** A manifest refused because a blob or child is gone: Harbor's garbage collection answers so, too, with 404. */
function missingBlob(error: unknown): unknown {
  if (!isAccelError(error, 'REGISTRY_STATUS')) return error
  const { status, diagnostics } = error.context
  const unknown =
    hasCode(diagnostics, 'MANIFEST_BLOB_UNKNOWN') || hasCode(diagnostics, 'BLOB_UNKNOWN')
  const gone = status === 404 && !hasCode(diagnostics, 'NAME_UNKNOWN')
  return unknown || gone
    ? new AccelError('REGISTRY_BLOB_UNKNOWN', error.context, { cause: error })
    : error
}
