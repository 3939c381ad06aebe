import { isAccelError } from '../errors/accel-error.ts'
import { single } from '../network/exchange.ts'
import type { Gate } from '../network/gate.ts'
import type { ByteSource } from '../streams/byte-source.ts'
import type { ObjectClient, ObjectRequest } from './object-client.ts'
import type { ObjectDialect } from './object-dialect.ts'
import { piecesOf } from './pieces.ts'
import { elementText, escapeText } from './store-xml.ts'

/** What is uploaded, and where to. */
export interface UploadTarget {
  key: string
  /** Names the blob in messages. */
  what: string
  size: number
  partSize: number
  signal: AbortSignal | undefined
  /** Gets the bytes that the store has taken. */
  onProgress: ((bytes: number) => void) | undefined
}

/** How long it is tried to tell a store that an upload is given up, in milliseconds. */
const ABORT_MS = 5000

/** Collaborators of `uploadInParts`. */
export interface PartUploadComponents {
  client: ObjectClient
  dialect: ObjectDialect
  /** Its places are parts in memory. */
  gate: Gate
  /** Whether the object is there as it should be. */
  stored(): Promise<boolean>
}

/**
 * Uploads `source` in parts: several at a time, read one after the other. Nothing is visible in the bucket before the
 * last step, which comes after the source has ended without error; where anything fails the upload is aborted, so that
 * the store keeps no parts. Source: Amazon S3, "Uploading and copying objects using multipart upload".
 */
export async function uploadInParts(
  components: PartUploadComponents,
  target: UploadTarget,
  source: ByteSource,
): Promise<void> {
  const { client } = components
  const uploadId = await begin(components, target)
  try {
    const parts = await sendParts(components, target, uploadId, source)
    await complete(components, target, uploadId, parts)
  } catch (error) {
    const { key, what } = target
    const query = { uploadId }
    const signal = AbortSignal.timeout(ABORT_MS)
    // Also when somebody wants the work to stop: the process may end behind it.
    await client
      .send({ method: 'DELETE', key, query, expect: [204, 200, 404], what, retry: false, signal })
      // What failed before is what counts. Parts that stay are for the bucket's lifecycle rules.
      .catch(() => undefined)
    throw error
  }
}

async function begin(
  { client, dialect }: PartUploadComponents,
  { key, what, signal }: UploadTarget,
): Promise<string> {
  const request: ObjectRequest = {
    method: 'POST',
    key,
    query: { uploads: '' },
    headers: dialect.beginHeaders,
    expect: [200],
    what,
    signal,
  }
  const answer = await client.send(request)
  const uploadId = elementText(answer.text, 'UploadId')
  if (!uploadId) throw client.invalid(request, answer, 'it has no UploadId')
  return uploadId
}

/** Sends all parts; returns what the list of parts says of each, in order. */
async function sendParts(
  components: PartUploadComponents,
  target: UploadTarget,
  uploadId: string,
  source: ByteSource,
): Promise<string[]> {
  const { gate } = components
  const { what, partSize, onProgress } = target
  const failed = new AbortController()
  const signal = AbortSignal.any([failed.signal, ...(target.signal ? [target.signal] : [])])
  const parts: Promise<string>[] = []
  let taken = 0
  // A place is taken before bytes are read: those of the piece that is being filled count too.
  let leave = await gate.enter(signal, what)
  try {
    for await (const body of piecesOf(source, partSize)) {
      const done = leave
      const number = parts.length + 1
      const part = sendPart(components, { ...target, signal }, uploadId, number, body).finally(done)
      part.then(
        () => onProgress?.((taken += body.length)),
        (error: unknown) => failed.abort(error),
      )
      parts.push(part)
      leave = await gate.enter(signal, what)
    }
    leave()
    return await Promise.all(parts)
  } catch (error) {
    failed.abort(error)
    // The upload is aborted only when no part is under way: one that arrives later would stay.
    await Promise.allSettled(parts)
    // The first failure; the others are that of being stopped.
    throw failed.signal.reason
  } finally {
    leave()
  }
}

async function sendPart(
  { client, dialect }: PartUploadComponents,
  { key, what, signal }: UploadTarget,
  uploadId: string,
  number: number,
  body: Uint8Array,
): Promise<string> {
  const { headers, elements } = dialect.check(body)
  const request: ObjectRequest = {
    method: 'PUT',
    key,
    query: { partNumber: String(number), uploadId },
    headers,
    body,
    expect: [200],
    what: `${what}, part ${number}`,
    signal,
  }
  const answer = await client.send(request)
  const etag = single(answer.headers['etag'])
  if (!etag) throw client.invalid(request, answer, 'it has no ETag')
  const all = { PartNumber: String(number), ETag: etag, ...elements }
  const inner = Object.entries(all).map(([name, text]) => `<${name}>${escapeText(text)}</${name}>`)
  return `<Part>${inner.join('')}</Part>`
}

async function complete(
  { client, stored }: PartUploadComponents,
  { key, what, signal }: UploadTarget,
  uploadId: string,
  parts: readonly string[],
): Promise<void> {
  const text = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`
  try {
    await client.send({
      method: 'POST',
      key,
      query: { uploadId },
      headers: { 'content-type': 'application/xml' },
      body: Buffer.from(text),
      expect: [200],
      what,
      signal,
    })
  } catch (error) {
    // An upload that the store does not know may be one that it has completed, when its first answer was lost.
    const unknown = isAccelError(error, 'BACKEND_REFUSED') && error.context.status === 404
    if (!unknown || !(await stored())) throw error
  }
}
