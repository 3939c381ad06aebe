import { AccelError, isAccelError } from '../errors/accel-error.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { ByteSource } from '../streams/byte-source.ts'
import type { CallInit } from '../transport/image-transport.ts'
import { describeBlob, hasBlob } from './blob.ts'
import { waitAgain, type RepositoryAccess } from './repository-access.ts'
import { redactUrl } from '../network/redact.ts'
import { createRetries } from '../network/retry.ts'
import type { RegistryAnswerHead } from './sender.ts'
import {
  cancelSession,
  heldBytes,
  nextLocation,
  openSession,
  sessionStatus,
  type UploadSession,
} from './upload-session.ts'

/** How blobs are cut for upload. */
export interface UploadInit {
  /** A blob up to this size is sent as one PUT. @default 64 MiB */
  monolithicLimit?: number
  /** A larger one is sent by PATCHes of at most this size. @default 512 MiB */
  chunkSize?: number
}

/** Chunk sizes tried, one after the other, when something before the registry finds a request too large (413). */
const SMALLER_CHUNKS = [32 * 1024 * 1024, 8 * 1024 * 1024, 1024 * 1024]

/**
 * One blob's upload.
 *
 *   none ──POST──► open(offset 0) ──PUT, whole──► done
 *                    │    ▲ PATCH moves offset to what the registry says it holds
 *                    └────┘ ──PUT, empty, at the end──► done
 *   a failure: pause, then look: the blob is there ► done; the registry knows the upload ► open(its offset);
 *   it does not ► none
 *
 * It gives up when several attempts in a row did not move the furthest offset.
 */
export interface Upload {
  /** Uploads, beginning with `session` where one is open. */
  run(session: UploadSession | undefined): Promise<void>
}

export function createUpload(
  access: RepositoryAccess,
  init: UploadInit,
  descriptor: Descriptor,
  open: (offset: number) => ByteSource,
  call: CallInit & { onProgress?: (bytes: number) => void },
): Upload {
  const { size, digest } = descriptor
  const { monolithicLimit = 64 * 1024 * 1024 } = init
  const { signal, onProgress } = call
  const what = describeBlob(access, descriptor)
  const retries = createRetries(access.clock, access.retry)
  let chunkSize = init.chunkSize ?? 512 * 1024 * 1024
  let whole = size <= monolithicLimit
  let session: UploadSession | undefined
  let offset = 0
  let furthest = 0
  let resumed = false

  async function run(opened: UploadSession | undefined): Promise<void> {
    session = opened
    try {
      for (;;) {
        const failure = await attempt()
        if (failure === undefined) return
        if (!canGoOn(failure)) throw failure
        if (!(await waitAgain(() => retries.again(retryAfter(failure), signal), signal, what)))
          throw failure
        access.log.debug('blob upload interrupted', { what, code: failure.code, offset })
        if (await hasBlob(access, descriptor, call, 'push')) return
        await findOffset()
      }
    } catch (error) {
      // Waited for even when somebody wants the work to stop: the process may end behind it.
      if (session !== undefined) await cancelSession(access, descriptor, session)
      throw error
    }
  }

  async function attempt(): Promise<AccelError | undefined> {
    try {
      session ??= await openSession(access, descriptor, call)
      if (whole && offset === 0) {
        await close(size)
        return undefined
      }
      let more = offset < size
      while (more) more = await sendChunk()
      await close(0)
      return undefined
    } catch (error) {
      if (isAccelError(error)) return error
      throw error
    }
  }

  /** PATCH from `offset`; moves it to what the registry then holds. Whether bytes are left. */
  async function sendChunk(): Promise<boolean> {
    const end = Math.min(size, offset + chunkSize)
    const answer = await send(
      'PATCH',
      (session as UploadSession).url,
      end - offset,
      [202, 204, 201],
      {
        'content-range': `${offset}-${end - 1}`,
      },
    )
    const held = heldBytes(answer)
    session =
      answer.headers['location'] === undefined ? session : nextLocation(access, what, answer)
    // Without a word it took all. It may hold less than was sent, and says so; then the rest is sent again.
    const reached = held === undefined || (held === 0 && end === 1) ? end : held
    if (reached <= offset || reached > end) {
      const { status, url } = answer
      const problem = `it holds ${reached} bytes after bytes ${offset} to ${end - 1} were sent`
      const context = {
        what,
        side: access.side,
        method: 'PATCH',
        url: redactUrl(url),
        status,
        diagnostics: [],
        problem,
      }
      throw new AccelError('REGISTRY_ANSWER_INVALID', context)
    }
    moveTo(reached)
    return offset < size
  }

  /** The PUT that ends the upload, with the last `length` bytes. Source: OCI distribution-spec, "Pushing a blob". */
  async function close(length: number): Promise<void> {
    const url = new URL((session as UploadSession).url)
    // Appended as text: URLSearchParams would write the rest of the query, which may be signed, in another way.
    url.search += `${url.search === '' ? '?' : '&'}digest=${encodeURIComponent(digest)}`
    await send('PUT', url, length, [201, 204])
    session = undefined
  }

  async function send(
    method: 'PATCH' | 'PUT',
    url: URL,
    length: number,
    expect: number[],
    headers: Record<string, string> = {},
  ): Promise<RegistryAnswerHead> {
    const start = offset
    const answer = await (session as UploadSession).transport.send({
      ...access.request('push', call),
      method,
      target: url,
      what,
      headers: { 'content-type': 'application/octet-stream', ...headers },
      ...(length === 0 ? {} : { body: { size: length, open: () => piece(start, length) } }),
      expect,
      lane: 'push',
      retry: false,
    })
    await answer.discard()
    return answer
  }

  async function* piece(start: number, length: number): AsyncGenerator<Uint8Array> {
    let left = length
    for await (const chunk of open(start)) {
      const part = chunk.length > left ? chunk.subarray(0, left) : chunk
      left -= part.length
      yield part
      onProgress?.(start + length - left)
      if (left === 0) return
    }
    const got = start + length - left
    throw new AccelError('CONTENT_SIZE_MISMATCH', {
      what: `${what}, as it is to be sent`,
      want: size,
      got,
    })
  }

  function canGoOn(failure: AccelError): boolean {
    if (signal?.aborted === true) return false
    if (failure.code === 'REGISTRY_TOO_LARGE') return sendLess()
    if (!failure.code.startsWith('REGISTRY_')) return false
    if (failure.retry === 'backoff') return true
    if (failure.code !== 'REGISTRY_STATUS' || session === undefined) return false
    // The upload is lost, or what the registry holds is not what we think: once more from the beginning.
    const { status } = (failure as AccelError<'REGISTRY_STATUS'>).context
    return status === 404 || status === 416 || (status === 400 && resumed)
  }

  function sendLess(): boolean {
    const next = SMALLER_CHUNKS.find((smaller) => smaller < Math.min(chunkSize, size))
    if (next === undefined) return false
    chunkSize = next
    whole = false
    return true
  }

  async function findOffset(): Promise<void> {
    const known =
      session === undefined ? undefined : await sessionStatus(access, descriptor, session, call)
    session = known?.session
    offset = known?.offset ?? 0
    resumed = offset > 0
    whole &&= known === undefined
    onProgress?.(offset)
  }

  function moveTo(reached: number): void {
    offset = reached
    if (offset <= furthest) return
    furthest = offset
    retries.progressed()
  }

  return { run }
}

function retryAfter(failure: AccelError): number | undefined {
  return isAccelError(failure, 'REGISTRY_RATE_LIMITED') ? failure.context.retryAfterMs : undefined
}
