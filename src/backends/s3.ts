import { hash } from 'node:crypto'
import { checksumOf } from './checksum.ts'
import { escapePath, type ObjectDialect, type UnsignedRequest } from './object-dialect.ts'
import type { S3Settings } from './settings.ts'

/**
 * Amazon S3 and servers that speak its protocol. The bucket is in the path, as every such server takes it. Over TLS the
 * signature leaves out the body, which the checksum covers; over plain HTTP it covers the body too.
 */
export function s3Dialect(settings: S3Settings): ObjectDialect {
  const { origin, bucket, region, account, checksum } = settings
  const bare = origin.startsWith('http:')
  // Of the key that is derived from the secret, once a day.
  const cache = new Map<string, ArrayBuffer>()
  const checksumHeader = `x-amz-checksum-${checksum?.toLowerCase()}`

  async function sign(
    { method, url, headers, body }: UnsignedRequest,
    now: Date,
  ): Promise<Record<string, string>> {
    const payload = bare ? hash('sha256', body ?? '', 'hex') : 'UNSIGNED-PAYLOAD'
    const { AwsV4Signer } = await import('aws4fetch')
    const signer = new AwsV4Signer({
      method,
      url: url.href,
      headers: { ...headers, 'x-amz-content-sha256': payload },
      accessKeyId: account.id,
      secretAccessKey: account.secret,
      ...(account.sessionToken === undefined ? {} : { sessionToken: account.sessionToken }),
      service: 's3',
      region,
      cache,
      datetime: now.toISOString().replace(/[:-]|\.\d{3}/g, ''),
    })
    const signed = await signer.sign()
    return Object.fromEntries(signed.headers)
  }

  return {
    name: `s3 bucket ${bucket} at ${new URL(origin).host}`,
    origin,
    url: (key) => new URL(`${origin}/${bucket}/${escapePath(key)}`),
    sign,
    headHeaders: { 'x-amz-checksum-mode': 'ENABLED' },
    beginHeaders: checksum === undefined ? {} : { 'x-amz-checksum-algorithm': checksum },
    check(body) {
      if (checksum === undefined) return { headers: {}, elements: {} }
      const value = checksumOf(checksum, body)
      return { headers: { [checksumHeader]: value }, elements: { [`Checksum${checksum}`]: value } }
    },
    storedSha256(header) {
      const value = header('x-amz-checksum-sha256')
      // Of an object in parts it is a checksum of their checksums, with their number behind it.
      if (value === undefined || value.includes('-')) return undefined
      return Buffer.from(value, 'base64').toString('hex')
    },
  }
}
