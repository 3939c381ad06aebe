import { hash } from 'node:crypto'
import { isIP } from 'node:net'
import { escapePath, type ObjectDialect, type UnsignedRequest } from './object-dialect.ts'
import { signV1, signV4 } from './oss-signature.ts'
import type { OssSettings } from './settings.ts'

/**
 * Alibaba Cloud OSS. The bucket is part of the host's name, or of the path where the endpoint is an address. Every body
 * goes with its MD5, by which OSS checks it.
 */
export function ossDialect(settings: OssSettings): ObjectDialect {
  const { origin, bucket, account, region } = settings
  const endpoint = new URL(origin)
  const inPath = isIP(endpoint.hostname.replace(/^\[(.*)\]$/, '$1')) !== 0
  const base = inPath ? `${origin}/${bucket}/` : `${endpoint.protocol}//${bucket}.${endpoint.host}/`

  /** The object that a URL made by `url` names. */
  function resourceOf({ pathname }: URL): { bucket: string; key: string } {
    const path = decodeURIComponent(pathname)
    return { bucket, key: path.slice(inPath ? bucket.length + 2 : 1) }
  }

  async function sign(request: UnsignedRequest, now: Date): Promise<Record<string, string>> {
    const { headers, url } = request
    if (account === undefined) return { ...headers }
    return region === undefined
      ? signV1(request, resourceOf(url), account, now)
      : signV4(request, resourceOf(url), account, region, now)
  }

  return {
    name: `oss bucket ${bucket} at ${endpoint.host}`,
    origin: new URL(base).origin,
    url: (key) => new URL(base + escapePath(key)),
    sign,
    headHeaders: {},
    beginHeaders: {},
    check: (body) => ({ headers: { 'content-md5': hash('md5', body, 'base64') }, elements: {} }),
    storedSha256: () => undefined,
  }
}
