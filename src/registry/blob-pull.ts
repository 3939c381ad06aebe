import { AccelError } from '../errors/accel-error.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { ByteSource } from '../streams/byte-source.ts'
import { verified } from '../streams/verified.ts'
import type { CallInit } from '../transport/image-transport.ts'
import { describeBlob } from './blob.ts'
import { single } from '../network/exchange.ts'
import { brokenBody, waitAgain, type RepositoryAccess } from './repository-access.ts'
import { createRetries } from '../network/retry.ts'
import type { RegistryAnswerHead } from './sender.ts'

/**
 * The bytes of a blob, verified. A connection that breaks is followed by a request for the rest, from the byte that was
 * reached; where the registry does not know ranges, what came already is skipped. It gives up when several attempts in a
 * row bring nothing. Throws CONTENT_NOT_FOUND, CONTENT_SIZE_MISMATCH, CONTENT_DIGEST_MISMATCH, REGISTRY_…, ABORTED.
 */
export function pullBlob(
  access: RepositoryAccess,
  descriptor: Descriptor,
  init: CallInit = {},
): ByteSource {
  return verified(resumed(access, descriptor, init), descriptor, describeBlob(access, descriptor))
}

async function* resumed(
  access: RepositoryAccess,
  descriptor: Descriptor,
  init: CallInit,
): AsyncGenerator<Uint8Array> {
  const what = describeBlob(access, descriptor)
  const retries = createRetries(access.clock, access.retry)
  let offset = 0
  let ranges = true
  for (;;) {
    const asked = ranges ? offset : 0
    const answer = await request(access, descriptor, asked, init)
    if (answer.status === 416) {
      await answer.discard()
      ranges = false
      continue
    }
    let skip = offset - (await startOf(access, descriptor, asked, answer))
    try {
      for await (const chunk of answer.body) {
        if (skip >= chunk.length) {
          skip -= chunk.length
          continue
        }
        const fresh = skip === 0 ? chunk : chunk.subarray(skip)
        skip = 0
        offset += fresh.length
        retries.progressed()
        yield fresh
      }
      return
    } catch (error) {
      const failure = brokenBody(access, what, error, retries.attempts)
      if (!(await waitAgain(() => retries.again(undefined, init.signal), init.signal, what)))
        throw failure
      access.log.debug('blob resumed', { what, offset, problem: failure.context })
    }
  }
}

function request(
  access: RepositoryAccess,
  descriptor: Descriptor,
  offset: number,
  init: CallInit,
): Promise<RegistryAnswerHead> {
  return access.transport.send({
    ...access.request('pull', init),
    method: 'GET',
    target: access.path(`blobs/${descriptor.digest}`),
    what: describeBlob(access, descriptor),
    ...(offset === 0 ? {} : { headers: { range: `bytes=${offset}-` } }),
    expect: offset === 0 ? [200, 404] : [200, 206, 404, 416],
    lane: 'pull',
  })
}

/** The offset at which the body of `answer` begins. Throws when the blob is not there or has another size. */
async function startOf(
  access: RepositoryAccess,
  descriptor: Descriptor,
  asked: number,
  answer: RegistryAnswerHead,
): Promise<number> {
  const what = describeBlob(access, descriptor)
  if (answer.status === 404) {
    await answer.discard()
    throw new AccelError('CONTENT_NOT_FOUND', {
      what: `blob ${descriptor.digest}`,
      where: access.name,
    })
  }
  const start = answer.status === 206 ? rangeStart(answer) : 0
  const length = Number(single(answer.headers['content-length']) ?? descriptor.size - start)
  if (start > asked || start + length !== descriptor.size) {
    await answer.discard()
    throw new AccelError('CONTENT_SIZE_MISMATCH', {
      what,
      want: descriptor.size,
      got: start + length,
    })
  }
  return start
}

/** The first byte that a 206 holds, by its Content-Range: `bytes <first>-<last>/<size>`. Source: RFC 9110, section 14.4. */
function rangeStart(answer: RegistryAnswerHead): number {
  const first = /^bytes (\d{1,15})-/.exec(single(answer.headers['content-range']) ?? '')?.[1]
  // Without it the answer cannot be told from a wrong one; NaN fails the comparison of sizes.
  return first === undefined ? Number.NaN : Number(first)
}
