import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signV1, signV4 } from './oss-signature.ts'
import { s3Dialect } from './s3.ts'

const alibaba = { id: 'ak', secret: 'sk' }

test('OSS version 4: the vector of Alibaba’s own Go client', () => {
  // aliyun/alibabacloud-oss-go-sdk-v2, oss/signer/signer_test.go, TestV4AuthHeader
  const url = new URL('http://bucket.oss-cn-hangzhou.aliyuncs.com/')
  for (const [name, value] of [
    ['param1', 'value1'],
    ['+param1', 'value3'],
    ['|param1', 'value4'],
    ['+param2', ''],
    ['|param2', ''],
    ['param2', ''],
  ] as const)
    url.searchParams.set(name, value)
  const headers = { 'x-oss-head1': 'value', abc: 'value', zabc: 'value', xyz: 'value' }
  const signed = signV4(
    { method: 'PUT', url, headers: { ...headers, 'content-type': 'text/plain' } },
    { bucket: 'bucket', key: '1234+-/123/1.txt' },
    alibaba,
    'cn-hangzhou',
    new Date(1702743657_000),
  )
  assert.equal(
    signed['authorization'],
    'OSS4-HMAC-SHA256 Credential=ak/20231216/cn-hangzhou/oss/aliyun_v4_request,Signature=e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe',
  )
})

test('OSS version 1: the vector of Alibaba’s own Go client', () => {
  // the same file, TestV1AuthHeader, first case
  const headers = {
    'content-md5': 'eB5eJF1ptWaXm4bijSPyxw==',
    'content-type': 'text/html',
    'x-oss-meta-author': 'alice',
    'x-oss-meta-magic': 'abracadabra',
    'x-oss-date': 'Wed, 28 Dec 2022 10:27:41 GMT',
  }
  const url = new URL('http://examplebucket.oss-cn-hangzhou.aliyuncs.com/')
  const signed = signV1(
    { method: 'PUT', url, headers },
    { bucket: 'examplebucket', key: 'nelson' },
    alibaba,
    new Date('2022-12-28T10:27:41Z'),
  )
  assert.equal(signed['authorization'], 'OSS ak:kSHKmLxlyEAKtZPkJhG9bZb5k7M=')
})

test('OSS version 1 signs the members of the query that name an operation', () => {
  const sign = (query: string): string | undefined =>
    signV1(
      { method: 'POST', url: new URL(`http://b.oss.example/key${query}`), headers: {} },
      { bucket: 'b', key: 'key' },
      alibaba,
      new Date('2022-12-28T10:27:41Z'),
    )['authorization']
  // computed with openssl: printf 'POST\n\n\nWed, 28 Dec 2022 10:27:41 GMT\n/b/key?uploads' | openssl dgst -sha1 -hmac sk -binary | base64
  assert.equal(sign('?uploads='), 'OSS ak:lhQvFHGb8Xsj/eUiVVtuKx2yzrk=')
  assert.equal(sign('?uploads=&unsigned=1'), sign('?uploads='))
  assert.notEqual(sign('?partNumber=1&uploadId=x'), sign('?partNumber=2&uploadId=x'))
})

test('S3: the vector of Amazon’s documentation, PUT Object', async () => {
  // "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk"
  const dialect = s3Dialect({
    type: 's3',
    origin: 'http://s3.amazonaws.com',
    region: 'us-east-1',
    bucket: 'examplebucket',
    prefix: '',
    account: {
      id: 'AKIAIOSFODNN7EXAMPLE',
      secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    },
    checksum: undefined,
  })
  const signed = await dialect.sign(
    {
      method: 'PUT',
      url: new URL('http://examplebucket.s3.amazonaws.com/test%24file.text'),
      headers: {
        date: 'Fri, 24 May 2013 00:00:00 GMT',
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      },
      body: Buffer.from('Welcome to Amazon S3.'),
    },
    new Date('2013-05-24T00:00:00Z'),
  )
  assert.equal(
    signed['x-amz-content-sha256'],
    '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
  )
  assert.match(
    signed['authorization'] ?? '',
    /SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class, Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd$/,
  )
})

test('S3: over TLS the checksum covers the body, over plain HTTP the signature too', async () => {
  const settings = {
    type: 's3' as const,
    region: 'r',
    bucket: 'b',
    prefix: '',
    account: { id: 'id', secret: 'secret', sessionToken: 'session' },
    checksum: 'CRC32' as const,
  }
  const body = Buffer.from('123456789')
  const over = async (origin: string): Promise<Record<string, string>> => {
    const dialect = s3Dialect({ ...settings, origin })
    const { headers } = dialect.check(body)
    return dialect.sign({ method: 'PUT', url: dialect.url('a/+b'), headers, body }, new Date(0))
  }
  const [tls, plain] = [await over('https://s3.example'), await over('http://s3.example')]
  assert.equal(tls['x-amz-content-sha256'], 'UNSIGNED-PAYLOAD')
  assert.equal(
    plain['x-amz-content-sha256'],
    '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225',
  )
  // the check value of CRC-32, cbf43926
  assert.equal(tls['x-amz-checksum-crc32'], Buffer.from('cbf43926', 'hex').toString('base64'))
  assert.equal(tls['x-amz-security-token'], 'session')
})
