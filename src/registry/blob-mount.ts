import { isAccelError } from '../errors/accel-error.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { isRepository } from '../oci/reference.ts'
import type { CallInit } from '../transport/image-transport.ts'
import { describeBlob } from './blob.ts'
import { nextLocation, type UploadSession } from './upload-session.ts'
import type { RepositoryAccess } from './repository-access.ts'
import { repositoryScope } from './scope.ts'

/** Repositories tried for one blob: each costs a request, and one is enough where the hint is right. */
const MAX_TRIES = 3

/**
 * Asks the registry to take the blob from one of its other repositories. Whatever a try brings, other than an abort, is no
 * error: Harbor answers 401 where we may not read the other one. Returns the upload that a registry opened instead, to be used.
 * Source: OCI distribution-spec, "Mounting a blob from another repository".
 */
export async function mountBlob(
  access: RepositoryAccess,
  descriptor: Descriptor,
  from: string[],
  init: CallInit,
): Promise<'mounted' | UploadSession | undefined> {
  const others = from.filter((name) => name !== access.repository && isRepository(name))
  for (const repository of others.slice(0, MAX_TRIES)) {
    const result = await tryMount(access, descriptor, repository, init)
    // An upload that was opened instead is used at once: another try would leave it behind.
    if (result !== undefined) return result
  }
  return undefined
}

async function tryMount(
  access: RepositoryAccess,
  descriptor: Descriptor,
  from: string,
  init: CallInit,
): Promise<'mounted' | UploadSession | undefined> {
  const common = access.request('push', init)
  const what = `${describeBlob(access, descriptor)}, mounted from ${from}`
  try {
    const answer = await access.transport.send({
      ...common,
      scopes: [...common.scopes, repositoryScope(from, 'pull')],
      method: 'POST',
      target: `${access.path('blobs/uploads/')}?mount=${encodeURIComponent(descriptor.digest)}&from=${encodeURIComponent(from)}`,
      what,
      expect: [201, 202],
      retry: false,
    })
    await answer.discard()
    return answer.status === 201 ? 'mounted' : nextLocation(access, what, answer)
  } catch (error) {
    if (init.signal?.aborted === true || isAccelError(error, 'REGISTRY_REDIRECT_REFUSED'))
      throw error
    access.log.debug('blob not mounted', {
      what,
      code: isAccelError(error) ? error.code : undefined,
    })
    return undefined
  }
}
