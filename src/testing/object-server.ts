import { createHash, hash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import {
  startScriptedServer,
  type ScriptedAnswer,
  type ScriptedServer,
  type SeenRequest,
} from './scripted-server.ts'

/** What an object store of the S3 kind holds, and what it was asked. */
export interface ObjectServer extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly host: string
  /** Objects by `/bucket/key`. */
  readonly objects: Map<string, Buffer>
  /** Parts of uploads that are neither completed nor aborted, by upload id. */
  readonly uploads: Map<string, Map<number, Buffer>>
  readonly seen: SeenRequest[]
  /** `METHOD key?query` of all requests so far; digests are `DIGEST`, upload ids `ID`. */
  lines(): string[]
}

/** Looks at a request first; what it returns is the answer in place of the server's. */
export type ObjectFault = (
  request: SeenRequest,
  server: ObjectServer,
) => ScriptedAnswer | undefined | Promise<ScriptedAnswer | undefined>

/**
 * Starts a server on 127.0.0.1 with the operations on objects that S3 and OSS share. It checks CRC-32, MD5 and the list of
 * parts, and no signature.
 */
export async function startObjectServer(
  fault: ObjectFault = () => undefined,
): Promise<ObjectServer> {
  const objects = new Map<string, Buffer>()
  const uploads = new Map<string, Map<number, Buffer>>()

  function put(path: string, request: SeenRequest): ScriptedAnswer {
    const { body, headers, query } = request
    const crc = headers['x-amz-checksum-crc32']
    const md5 = headers['content-md5']
    const wanted = Buffer.alloc(4)
    wanted.writeUInt32BE(crc32(body))
    if (crc !== undefined && crc !== wanted.toString('base64')) return refuse(400, 'BadDigest')
    if (md5 !== undefined && md5 !== hash('md5', body, 'base64')) return refuse(400, 'BadDigest')
    const etag = { etag: `"${hash('md5', body)}"` }
    const id = query.get('uploadId')
    if (id === null) {
      objects.set(path, body)
      return { status: 200, headers: etag }
    }
    const parts = uploads.get(id)
    if (parts === undefined) return refuse(404, 'NoSuchUpload')
    parts.set(Number(query.get('partNumber')), body)
    return { status: 200, headers: etag }
  }

  function post(path: string, { query, body }: SeenRequest): ScriptedAnswer {
    if (query.has('uploads')) {
      const id = `2~id/${uploads.size}+${objects.size}`
      uploads.set(id, new Map())
      return { status: 200, body: `<R xmlns="x"><UploadId>${id}</UploadId></R>` }
    }
    const id = query.get('uploadId') ?? ''
    const parts = uploads.get(id)
    if (parts === undefined) return refuse(404, 'NoSuchUpload')
    const listed = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>"(\w+)"/g)]
    const right = listed.every(([, number, etag], i) => {
      const part = parts.get(Number(number))
      return Number(number) === i + 1 && part !== undefined && hash('md5', part) === etag
    })
    if (!right || listed.length !== parts.size) return refuse(400, 'InvalidPart')
    objects.set(path, Buffer.concat(listed.map(([, number]) => parts.get(Number(number))!)))
    uploads.delete(id)
    return { status: 200, body: '<CompleteMultipartUploadResult/>' }
  }

  function answer(request: SeenRequest): ScriptedAnswer {
    const path = decodeURIComponent(request.path)
    if (request.method === 'PUT') return put(path, request)
    if (request.method === 'POST') return post(path, request)
    if (request.method === 'DELETE') {
      const known = uploads.delete(request.query.get('uploadId') ?? '')
      return known ? { status: 204 } : refuse(404, 'NoSuchUpload')
    }
    const object = objects.get(path)
    if (object === undefined) return { status: 404 }
    const sha256 = createHash('sha256').update(object).digest('base64')
    const asked = request.headers['x-amz-checksum-mode'] === 'ENABLED'
    return {
      status: 200,
      headers: {
        'content-length': String(object.length),
        ...(asked ? { 'x-amz-checksum-sha256': sha256 } : {}),
      },
    }
  }

  const scripted: ScriptedServer = await startScriptedServer(
    async (request) => (await fault(request, server)) ?? answer(request),
  )
  const server: ObjectServer = {
    host: scripted.host,
    objects,
    uploads,
    seen: scripted.seen,
    lines: () => scripted.seen.map(line),
    [Symbol.asyncDispose]: () => scripted.close(),
  }
  return server
}

/** A refusal as S3 words it. */
export function refuse(status: number, code: string, message = ''): ScriptedAnswer {
  const body = `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`
  return { status, body, headers: { 'content-type': 'application/xml' } }
}

function line({ method, path, query }: SeenRequest): string {
  const text = [...query].map(([name, value]) =>
    name === 'uploadId' ? 'ID' : value === '' ? name : `${name}=${value}`,
  )
  const key = path.replace(/[0-9a-f]{64}/, 'DIGEST')
  return `${method} ${key}${text.length > 0 ? `?${text.join('&')}` : ''}`
}
