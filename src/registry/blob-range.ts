import { AccelError } from '../errors/accel-error.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { BlobRange, CallInit } from '../transport/image-transport.ts'
import { describeBlob } from './blob.ts'
import { single } from '../network/exchange.ts'
import { readWhole, type RepositoryAccess } from './repository-access.ts'
import type { RegistryAnswerHead } from './sender.ts'

/**
 * A part of a blob, in one request. Where the registry does not know ranges, what precedes the part is skipped and what
 * follows is not read. Nothing is verified: a digest is that of a whole blob.
 * Throws CONTENT_NOT_FOUND, CONTENT_SIZE_MISMATCH, REGISTRY_…, ABORTED.
 */
export function pullBlobRange(
  access: RepositoryAccess,
  descriptor: Descriptor,
  { offset, length }: BlobRange,
  init: CallInit = {},
): Promise<Uint8Array> {
  const what = describeBlob(access, descriptor)
  const request = {
    ...access.request('pull', init),
    method: 'GET',
    target: access.path(`blobs/${descriptor.digest}`),
    what,
    headers: { range: `bytes=${offset}-${offset + length - 1}` },
    expect: [200, 206, 404],
    lane: 'pull',
  } as const
  return readWhole(access, request, async (answer) => {
    if (answer.status === 404) {
      await answer.discard()
      const missing = `blob ${descriptor.digest}`
      throw new AccelError('CONTENT_NOT_FOUND', { what: missing, where: access.name })
    }
    const start = answer.status === 206 ? firstByte(answer) : 0
    const part = new Uint8Array(length)
    let at = start
    let filled = 0
    for await (const chunk of answer.body) {
      const from = Math.max(0, offset - at)
      const wanted = chunk.subarray(from, from + length - filled)
      part.set(wanted, filled)
      filled += wanted.length
      at += chunk.length
      if (filled === length) break
    }
    if (start <= offset && filled === length) return part
    throw new AccelError('CONTENT_SIZE_MISMATCH', {
      what: `${what}, bytes from ${offset} on`,
      want: length,
      got: start <= offset ? filled : 0,
    })
  })
}

/** Where the part of a 206 begins: `bytes <first>-<last>/<size>`. Source: RFC 9110, section 14.4. */
function firstByte(answer: RegistryAnswerHead): number {
  const first = /^bytes (\d{1,15})-/.exec(single(answer.headers['content-range']) ?? '')?.[1]
  return first === undefined ? Number.POSITIVE_INFINITY : Number(first)
}
