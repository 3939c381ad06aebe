import type { Digest } from '../../oci/digest.ts'
import type { RegistryContext } from './context.ts'
import type { Exchange, Headers } from './exchange.ts'
import { digestIn } from './name.ts'

/** `GET` and `HEAD /v2/<name>/blobs/<digest>`, whole or a range. */
export async function getBlob(context: RegistryContext, exchange: Exchange): Promise<void> {
  const digest = await digestIn(exchange, exchange.reference)
  const { repositories } = context.storage
  if (!repositories.get(exchange.repository)?.blobs.has(digest)) {
    await exchange.refuse(404, 'BLOB_UNKNOWN', 'blob unknown to registry', { detail: { digest } })
  }
  if (context.storageOrigin !== undefined && exchange.request.method === 'GET') {
    const query = 'X-Amz-Expires=1200&X-Amz-SignedHeaders=host&X-Amz-Signature=for-tests-only'
    const location = `${context.storageOrigin}/blobs/${digest}?${query}`
    return exchange.answer(307, { Location: location, 'Content-Length': 0 })
  }
  await sendBlob(context, exchange, digest)
}

/** Sends a blob's bytes, or the range of them that was asked for. Source: RFC 9110 section 14. */
export async function sendBlob(
  context: RegistryContext,
  exchange: Exchange,
  digest: Digest,
): Promise<void> {
  const size = await context.storage.blobSize(digest)
  const headers: Headers = {
    'Content-Type': 'application/octet-stream',
    'Docker-Content-Digest': digest,
    'Accept-Ranges': 'bytes',
    ETag: `"${digest}"`,
  }
  if (exchange.header('if-none-match') === headers['ETag']) return exchange.answer(304, headers)
  const range = exchange.meets('ignore range') ? undefined : rangeOf(exchange, size)
  if (range === 'unsatisfiable') {
    return exchange.refuse(416, 'RANGE_INVALID', 'the range is beyond the blob', {
      headers: { 'Content-Range': `bytes */${size}` },
    })
  }
  const { start, end } = range ?? { start: 0, end: size - 1 }
  headers['Content-Length'] = end - start + 1
  if (range !== undefined) headers['Content-Range'] = `bytes ${start}-${end}/${size}`
  const body = end < start ? new Uint8Array(0) : context.storage.readBlob(digest, start, end)
  await exchange.answer(range === undefined ? 200 : 206, headers, body)
}

/** `DELETE /v2/<name>/blobs/<digest>`. */
export async function deleteBlob(context: RegistryContext, exchange: Exchange): Promise<void> {
  const digest = await digestIn(exchange, exchange.reference)
  if (!(await context.storage.deleteBlob(exchange.repository, digest))) {
    await exchange.refuse(404, 'BLOB_UNKNOWN', 'blob unknown to registry', { detail: { digest } })
  }
  await context.storage.save()
  await exchange.answer(202, { 'Content-Length': 0 })
}

/** The single range that is asked for; a header that is malformed, or asks for several, is ignored as the RFC allows. */
function rangeOf(
  exchange: Exchange,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | undefined {
  if (exchange.request.method !== 'GET') return undefined
  const match = /^bytes=(\d*)-(\d*)$/.exec(exchange.header('range') ?? '')
  if (match === null) return undefined
  const [, first, last] = match
  if (first === '' && last === '') return undefined
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 }
  }
  const start = Number(first)
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (last !== '' && Number(last) < start) return undefined
  return start >= size ? 'unsatisfiable' : { start, end }
}
