import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ObjectRequest } from './object-client.ts'
import { ossDialect } from './oss.ts'

/**
 * Each request that is sent to OSS, signed by Alibaba's own clients: signatures that ali-oss 6.23.0 (npm, lib/common/signUtils.js) and
 * alibabacloud-oss-go-sdk-v2 1.6.1 (oss/signer) gave for it, which were the same.
 */
const account = { id: 'LTAI5tExampleKey', secret: 'ExampleSecret/with+signs=' }
const now = new Date('2026-01-02T03:04:05Z')
const key = `a b/é+%~(1)/${'0f'.repeat(32)}`
const uploadId = '0004B9895DBBB6EC98E3 /+='
/** Of `a piece of a blob`. */
const checked = { 'content-md5': 'jgtzlrrhjpL3u0rMs04tkA==', 'content-length': '17' }

type Vector = Pick<ObjectRequest, 'method' | 'query' | 'headers'> & { v4: string; v1: string }

const vectors: Record<string, Vector> = {
  'is it there': {
    method: 'HEAD',
    v4: 'b31f30a6b40b8383bba8e4512b22405449512a20ab6c4cab6d90b55d9be4f3eb',
    v1: 'Nz7hzFbv/3vKltKxsnQSrJk7GTU=',
  },
  'a small blob': {
    method: 'PUT',
    headers: checked,
    v4: '7051ba12c0dea9a4e1af7b1a79bd98f9a041f9b3f341a46f63dddfc67fb1b82f',
    v1: 'UpAGQ2mvPZdvO8OIswRzTONZ9II=',
  },
  'a large blob begins': {
    method: 'POST',
    query: { uploads: '' },
    v4: '05bac6499ab268f5ed437602c71a2e0e47913e5ef83c8354ea64dada5bb640bb',
    v1: 'I4HcfCy3Qld/MI0Hc67PrhKyM9A=',
  },
  'its parts': {
    method: 'PUT',
    query: { partNumber: '7', uploadId },
    headers: checked,
    v4: '0837b9c15d7af8754ea5195643bc696e40bc776759f31333b8270eebb8072a12',
    v1: '5JcbmxFOXW6fZ/eBlYgtCBg8VQQ=',
  },
  'it is complete': {
    method: 'POST',
    query: { uploadId },
    headers: { 'content-type': 'application/xml', 'content-length': '3' },
    v4: '3b4aab9f8cf58a1e3a9897576dceec02004a42798fe2b274f0a95399c2dc84fb',
    v1: 'Ze9yvUPrjBy+EJ/AC9JbDXBH15A=',
  },
  'it is given up': {
    method: 'DELETE',
    query: { uploadId },
    v4: '1360eaed7849fb8543efa09dd6e0146ad6b5c6ae25e2fa04620f64b68b07fe39',
    v1: 'ocFfjs3pgSm+k2yyJfQIUJtq1l0=',
  },
}

for (const [name, { method, query = {}, headers = {}, v4, v1 }] of Object.entries(vectors)) {
  test(`OSS, ${name}: signed as by Alibaba’s own clients`, async () => {
    for (const region of ['cn-hangzhou', undefined]) {
      const origin = 'https://oss-cn-hangzhou.aliyuncs.com'
      const settings = {
        type: 'oss',
        origin,
        bucket: 'layers',
        prefix: '',
        account,
        region,
      } as const
      const dialect = ossDialect(settings)
      const url = dialect.url(key)
      for (const [member, value] of Object.entries(query)) url.searchParams.set(member, value)
      const { authorization } = await dialect.sign({ method, url, headers, body: undefined }, now)
      const scope = '20260102/cn-hangzhou/oss/aliyun_v4_request'
      assert.equal(
        authorization,
        region === undefined
          ? `OSS ${account.id}:${v1}`
          : `OSS4-HMAC-SHA256 Credential=${account.id}/${scope},Signature=${v4}`,
      )
    }
  })
}
