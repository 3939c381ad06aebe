import { AccelError } from '../errors/accel-error.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { CallInit } from '../transport/image-transport.ts'
import { describeBlob } from './blob.ts'
import { single } from '../network/exchange.ts'
import { redactUrl } from '../network/redact.ts'
import { uploadLocation } from './redirect.ts'
import type { RepositoryAccess } from './repository-access.ts'
import type { RegistryAnswerHead } from './sender.ts'
import type { Transport } from './transport.ts'

/** An upload in progress: where its next step goes. The URL changes with every step and may hold a signature. */
export interface UploadSession {
  transport: Transport
  url: URL
}

/** Opens an upload. Source: OCI distribution-spec, "Pushing a blob monolithically / in chunks", step 1. */
export async function openSession(
  access: RepositoryAccess,
  descriptor: Descriptor,
  init: CallInit,
): Promise<UploadSession> {
  const what = describeBlob(access, descriptor)
  const answer = await access.transport.send({
    ...access.request('push', init),
    method: 'POST',
    target: access.path('blobs/uploads/'),
    what,
    expect: [202],
  })
  await answer.discard()
  return nextLocation(access, what, answer)
}

/**
 * The session as it goes on after `answer`. Throws REGISTRY_ANSWER_INVALID without a Location, REGISTRY_REDIRECT_REFUSED when
 * it is at a host that is not configured.
 */
export function nextLocation(
  access: RepositoryAccess,
  what: string,
  answer: RegistryAnswerHead,
): UploadSession {
  const location = single(answer.headers['location'])
  const { side } = access
  if (location === undefined) {
    const { status, url } = answer
    throw new AccelError('REGISTRY_ANSWER_INVALID', {
      what,
      side,
      method: 'POST',
      url: redactUrl(url),
      status,
      diagnostics: [],
      problem: 'it names no Location to upload to',
    })
  }
  const hop = uploadLocation(answer.url, location)
  const refuse = (to: string, problem: string) =>
    new AccelError('REGISTRY_REDIRECT_REFUSED', {
      what,
      side,
      from: redactUrl(answer.url),
      to,
      problem,
    })
  if ('refused' in hop) throw refuse(hop.shown, hop.refused)
  const transport = transportTo(access, answer.url, hop.url)
  if (transport === undefined) throw refuse(redactUrl(hop.url), 'that host is not configured')
  // Where the other registry's settings say how it is reached, they are right and the Location is not.
  return { transport, url: new URL(hop.url.pathname + hop.url.search, transport.host.origin) }
}

function transportTo(access: RepositoryAccess, from: URL, to: URL): Transport | undefined {
  if (to.origin === access.transport.host.origin) return access.transport
  if (to.origin === from.origin) return access.elsewhere(from.host)
  return access.elsewhere(to.host)
}

/**
 * How many bytes of an upload the registry holds, and where it goes on; undefined when the upload is lost.
 * Source: OCI distribution-spec, "Pushing a blob in chunks": GET answers 204 with `Range: 0-<last byte>`.
 */
export async function sessionStatus(
  access: RepositoryAccess,
  descriptor: Descriptor,
  session: UploadSession,
  init: CallInit,
): Promise<{ offset: number; session: UploadSession } | undefined> {
  const what = describeBlob(access, descriptor)
  const answer = await session.transport.send({
    ...access.request('push', init),
    method: 'GET',
    target: session.url,
    what,
    // 400 and 416: distribution 2.x finds that it holds more than the URL says, and gives the upload up. 405: not known.
    expect: [200, 202, 204, 400, 404, 405, 416],
  })
  await answer.discard()
  if (answer.status >= 400) return undefined
  const offset = heldBytes(answer)
  if (offset === undefined || offset > descriptor.size) return undefined
  const moved = answer.headers['location'] !== undefined
  return { offset, session: moved ? nextLocation(access, what, answer) : session }
}

/**
 * The size that `Range: 0-<last>` tells. `0-0` is what registries answer for nothing, and for one byte; nothing is the safe
 * reading, since a byte sent twice is refused while an upload begun anew is not.
 */
export function heldBytes(answer: RegistryAnswerHead): number | undefined {
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec((single(answer.headers['range']) ?? '').trim())?.[1]
  if (last === undefined) return undefined
  return last === '0' ? 0 : Number(last) + 1
}

/** Tells the registry that the upload is given up; returns whether it has heard it, which matters to nobody who pushes. */
export async function cancelSession(
  access: RepositoryAccess,
  descriptor: Descriptor,
  session: UploadSession,
): Promise<boolean> {
  try {
    const answer = await session.transport.send({
      ...access.request('push', { signal: AbortSignal.timeout(CANCEL_MS) }),
      method: 'DELETE',
      target: session.url,
      what: describeBlob(access, descriptor),
      expect: [200, 202, 204, 404],
      retry: false,
    })
    await answer.discard()
    return true
  } catch {
    // The registry clears it away by itself, later.
    return false
  }
}

const CANCEL_MS = 5000
