import { createHmac, hash } from 'node:crypto'
import { escapePath, escapeSegment, type UnsignedRequest } from './object-dialect.ts'
import type { StoreAccount } from './settings.ts'

/** What is signed of a request, besides what it shows itself. */
export interface OssResource {
  bucket: string
  /** The object's name, not escaped. */
  key: string
}

/**
 * The headers of a request signed in version 4, for the region of the endpoint. The body is not part of it.
 * Source: Alibaba Cloud OSS, "Include a V4 signature in the Authorization header".
 */
export function signV4(
  request: UnsignedRequest,
  { bucket, key }: OssResource,
  account: StoreAccount,
  region: string,
  now: Date,
): Record<string, string> {
  const time = now.toISOString().replace(/[:-]|\.\d{3}/g, '')
  const scope = [time.slice(0, 8), region, 'oss', 'aliyun_v4_request']
  const headers: Record<string, string> = {
    ...request.headers,
    'x-oss-date': time,
    'x-oss-content-sha256': 'UNSIGNED-PAYLOAD',
  }
  const canonical = [
    request.method,
    escapePath(`/${bucket}/${key}`),
    canonicalQuery(request.url),
    canonicalHeaders(headers, (name) => isOss(name) || isContent(name)),
    // No header besides is signed.
    '',
    'UNSIGNED-PAYLOAD',
  ].join('\n')
  const text = ['OSS4-HMAC-SHA256', time, scope.join('/'), hash('sha256', canonical)].join('\n')
  const signingKey = scope.reduce<string | Buffer>(
    (secret, part) => createHmac('sha256', secret).update(part).digest(),
    `aliyun_v4${account.secret}`,
  )
  const signature = createHmac('sha256', signingKey).update(text).digest('hex')
  const credential = `${account.id}/${scope.join('/')}`
  const authorization = `OSS4-HMAC-SHA256 Credential=${credential},Signature=${signature}`
  return { ...headers, authorization }
}

/** Members of a query that version 1 signs: those that we send. */
const SUBRESOURCES = ['partNumber', 'uploadId', 'uploads']

/**
 * The headers of a request signed in version 1, which needs no region. Alibaba gives it to no new bucket; it is for
 * endpoints under a name of one's own. Source: Alibaba Cloud OSS, "Include a V1 signature in the Authorization header".
 */
export function signV1(
  request: UnsignedRequest,
  { bucket, key }: OssResource,
  account: StoreAccount,
  now: Date,
): Record<string, string> {
  const headers: Record<string, string> = { ...request.headers, date: now.toUTCString() }
  const query = [...request.url.searchParams]
    .filter(([name]) => SUBRESOURCES.includes(name))
    .toSorted(byName)
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
    .join('&')
  const text = [
    request.method,
    headers['content-md5'] ?? '',
    headers['content-type'] ?? '',
    headers['date'],
    `${canonicalHeaders(headers, isOss)}/${bucket}/${key}${query === '' ? '' : `?${query}`}`,
  ].join('\n')
  const signature = createHmac('sha1', account.secret).update(text).digest('base64')
  return { ...headers, authorization: `OSS ${account.id}:${signature}` }
}

function canonicalQuery(url: URL): string {
  return [...url.searchParams]
    .map(([name, value]) => [escapeSegment(name), escapeSegment(value)] as const)
    .toSorted(byName)
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
    .join('&')
}

function canonicalHeaders(
  headers: Readonly<Record<string, string>>,
  signed: (name: string) => boolean,
): string {
  return Object.entries(headers)
    .filter(([name]) => signed(name))
    .toSorted(byName)
    .map(([name, value]) => `${name}:${value.trim()}\n`)
    .join('')
}

function isOss(name: string): boolean {
  return name.startsWith('x-oss-')
}

function isContent(name: string): boolean {
  return name === 'content-type' || name === 'content-md5'
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0
}
