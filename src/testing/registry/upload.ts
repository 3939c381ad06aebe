import { createHash, randomUUID, type Hash } from 'node:crypto'
import { open, rm, type FileHandle } from 'node:fs/promises'
import { digestFrom, type Digest } from '../../oci/digest.ts'
import type { RegistryContext } from './context.ts'
import type { Exchange, Headers } from './exchange.ts'
import { digestIn } from './name.ts'

/**
 * A blob that arrives. POST begins it; each PATCH appends, also what came before a connection broke; PUT ends it,
 * GET tells how far it is, DELETE gives it up. Each answer but a broken one moves `state`, which is in `Location`
 * and must come back: an older one is refused.
 */
export interface Upload {
  id: string
  repository: string
  path: string
  file: FileHandle
  hash: Hash
  size: number
  state: number
  /** The size that the last answer told. */
  told: number
  /** Resolves when the request that writes now has ended. */
  busy: Promise<void>
}

export async function beginUpload(context: RegistryContext, repository: string): Promise<Upload> {
  const path = context.storage.uploadPath()
  const file = await open(path, 'wx')
  const id = randomUUID()
  const hash = createHash('sha256')
  const busy = Promise.resolve()
  const upload = { id, repository, path, file, hash, size: 0, told: 0, state: 0, busy }
  context.uploads.set(id, upload)
  return upload
}

export async function endUpload(context: RegistryContext, upload: Upload): Promise<void> {
  context.uploads.delete(upload.id)
  await upload.file.close()
  await rm(upload.path, { force: true })
}

/** `POST /v2/<name>/blobs/uploads/`: a start, a mount, or a blob in one request. */
export async function postUpload(context: RegistryContext, exchange: Exchange): Promise<void> {
  const { searchParams } = exchange.url
  const { repository } = exchange
  const mount = searchParams.get('mount')
  const from = searchParams.get('from')
  if (mount !== null) {
    const digest = await digestIn(exchange, mount)
    if (context.harbor !== undefined && from !== null && !from.includes('/')) {
      await exchange.refuse(400, 'NAME_INVALID', 'the source of a mount has no project')
    }
    if (from !== null && context.storage.repositories.get(from)?.blobs.has(digest)) {
      context.storage.repository(repository).blobs.add(digest)
      return exchange.answer(201, blobHeaders(repository, digest))
    }
  }
  const digest = searchParams.get('digest')
  const upload = await beginUpload(context, repository)
  const monolithic = context.init.monolithicPost ?? context.harbor === undefined
  if (digest !== null && mount === null && monolithic) {
    return finish(context, exchange, upload, await digestIn(exchange, digest))
  }
  await exchange.answer(202, { ...progress(context, exchange, upload), 'Content-Length': 0 })
}

/** `PATCH`: appends the body. */
export async function patchUpload(context: RegistryContext, exchange: Exchange): Promise<void> {
  const upload = await uploadOf(context, exchange)
  const type = exchange.header('content-type')
  if (type !== undefined && type !== 'application/octet-stream') {
    await exchange.refuse(415, 'BLOB_UPLOAD_INVALID', `content type ${type} is not octets`)
  }
  await append(context, exchange, upload)
  await exchange.answer(202, { ...progress(context, exchange, upload), 'Content-Length': 0 })
}

/** `PUT`: appends the body, if any, and makes all a blob. */
export async function putUpload(context: RegistryContext, exchange: Exchange): Promise<void> {
  const upload = await uploadOf(context, exchange)
  const digest = await digestIn(exchange, exchange.url.searchParams.get('digest'))
  await finish(context, exchange, upload, digest)
}

/** `GET`: how far the upload is. */
export async function getUpload(context: RegistryContext, exchange: Exchange): Promise<void> {
  const upload = await uploadOf(context, exchange)
  await upload.busy
  await exchange.answer(204, progress(context, exchange, upload))
}

/** `DELETE`: gives the upload up. */
export async function deleteUpload(context: RegistryContext, exchange: Exchange): Promise<void> {
  await endUpload(context, await uploadOf(context, exchange))
  await exchange.answer(204, {})
}

/** Says where a stored blob is. */
export function blobHeaders(repository: string, digest: Digest): Headers {
  return {
    Location: `/v2/${repository}/blobs/${digest}`,
    'Docker-Content-Digest': digest,
    'Content-Length': 0,
  }
}

async function finish(
  context: RegistryContext,
  exchange: Exchange,
  upload: Upload,
  digest: Digest,
): Promise<void> {
  await append(context, exchange, upload)
  const got = digestFrom(upload.hash.copy())
  if (got !== digest) {
    // As distribution does: the upload cannot be gone on with after this.
    await endUpload(context, upload)
    await exchange.refuse(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content', {
      detail: { digest, got, size: upload.size },
    })
  }
  context.uploads.delete(upload.id)
  await upload.file.close()
  await context.storage.addBlob(upload.repository, upload.path, digest)
  await exchange.answer(201, blobHeaders(upload.repository, digest))
}

/** Appends the body to the file, byte by byte what arrived, whatever becomes of the request. */
async function append(context: RegistryContext, exchange: Exchange, upload: Upload): Promise<void> {
  await upload.busy
  await checkRange(context, exchange, upload)
  const { promise, resolve } = Promise.withResolvers<void>()
  upload.busy = promise
  try {
    for await (const chunk of exchange.body()) {
      upload.hash.update(chunk)
      await upload.file.writeFile(chunk)
      upload.size += chunk.length
    }
  } finally {
    resolve()
  }
}

/** Refuses a `Content-Range` that does not begin where the upload stands. Harbor's registry does not look at it. */
async function checkRange(
  context: RegistryContext,
  exchange: Exchange,
  upload: Upload,
): Promise<void> {
  const range = exchange.header('content-range')
  if (range === undefined || context.harbor !== undefined) return
  const match = /^(?:bytes )?(\d+)-(\d+)(?:\/(?:\d+|\*))?$/.exec(range)
  const [start, end] = [Number(match?.[1]), Number(match?.[2])]
  const length = exchange.header('content-length')
  const fits = length === undefined || end - start + 1 === Number(length)
  if (match === null || start !== upload.size || !fits) {
    await exchange.refuse(416, 'RANGE_INVALID', `content range ${range} does not fit`, {
      detail: { size: upload.size },
      headers: progress(context, exchange, upload),
    })
  }
}

async function uploadOf(context: RegistryContext, exchange: Exchange): Promise<Upload> {
  const upload = context.uploads.get(exchange.reference)
  if (upload === undefined || upload.repository !== exchange.repository) {
    return exchange.refuse(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry')
  }
  const state = exchange.url.searchParams.get('_state')
  if (context.harbor !== undefined) {
    // Distribution 2.8 compares what it has with what it last told: a request that broke in its middle ends the upload.
    await upload.busy
    if (state !== String(upload.state) || upload.size !== upload.told) {
      return exchange.refuse(404, 'BLOB_UPLOAD_INVALID', 'blob upload invalid')
    }
  }
  const writes = exchange.request.method === 'PATCH' || exchange.request.method === 'PUT'
  if (writes && state !== String(upload.state)) {
    return exchange.refuse(400, 'BLOB_UPLOAD_INVALID', 'not the latest Location of this upload', {
      detail: { state, latest: upload.state },
    })
  }
  return upload
}

/** The headers that tell how to go on. `Range` of an empty upload is `0-0`, as in every registry. */
function progress(context: RegistryContext, exchange: Exchange, upload: Upload): Headers {
  upload.state++
  upload.told = upload.size
  const path = `/v2/${upload.repository}/blobs/uploads/${upload.id}?_state=${upload.state}`
  return {
    Location: context.harbor === undefined ? path : absolute(context, exchange) + path,
    Range: `0-${Math.max(0, upload.size - 1)}`,
    'Docker-Upload-UUID': upload.id,
  }
}

function absolute(context: RegistryContext, exchange: Exchange): string {
  const https = context.origin.startsWith('https:') !== (context.harbor?.wrongScheme ?? false)
  return `${https ? 'https' : 'http'}://${exchange.header('host')}`
}
