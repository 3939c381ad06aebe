import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BackendSettings, type BackendType, parseBackendConfig } from './settings.ts'

class Refused extends Error {}

function parse(
  type: BackendType,
  config: unknown,
  environment: Record<string, string> = {},
): BackendSettings {
  const text = typeof config === 'string' ? config : JSON.stringify(config)
  return parseBackendConfig(type, text, environment, (member, problem) => {
    throw new Refused(`${member}: ${problem}`)
  })
}

const s3 = { bucket_name: 'b-1', region: 'us-east-1', access_key_id: 'i', access_key_secret: 's' }
const oss = { endpoint: 'oss-cn-hangzhou.aliyuncs.com', bucket_name: 'b-1' }

test('s3: the defaults', () => {
  assert.deepEqual(parse('s3', s3), {
    type: 's3',
    origin: 'https://s3.amazonaws.com',
    region: 'us-east-1',
    bucket: 'b-1',
    prefix: '',
    account: { id: 'i', secret: 's' },
    checksum: 'CRC32',
  })
})

test('s3: every member', () => {
  const all = {
    ...s3,
    endpoint: 'minio.example:9000',
    scheme: 'http',
    object_prefix: 'nydus/blobs/',
    checksum_algorithm: 'SHA256',
  }
  const { account: _, ...rest } = parse('s3', all) as Extract<BackendSettings, { type: 's3' }>
  assert.deepEqual(rest, {
    type: 's3',
    origin: 'http://minio.example:9000',
    region: 'us-east-1',
    bucket: 'b-1',
    prefix: 'nydus/blobs/',
    checksum: 'SHA256',
  })
  const none = parse('s3', { ...s3, checksum_algorithm: '' })
  assert.ok(none.type === 's3' && none.checksum === undefined)
})

test('s3: without keys the account is that of the environment', () => {
  const { access_key_id: _, access_key_secret: __, ...keyless } = s3
  const environment = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'sec' }
  const settings = parse('s3', keyless, { ...environment, AWS_SESSION_TOKEN: 'token' })
  assert.ok(settings.type === 's3')
  assert.deepEqual(settings.account, { id: 'id', secret: 'sec', sessionToken: 'token' })
  assert.throws(() => parse('s3', keyless), /access_key_id: it is missing, .*AWS_ACCESS_KEY_ID/)
})

test('oss: region by the name of the endpoint, TLS unless http is written', () => {
  const cases = [
    ['oss-cn-hangzhou.aliyuncs.com', 'https://oss-cn-hangzhou.aliyuncs.com', 'cn-hangzhou'],
    [
      'oss-cn-hangzhou-internal.aliyuncs.com',
      'https://oss-cn-hangzhou-internal.aliyuncs.com',
      'cn-hangzhou',
    ],
    ['http://oss-us-west-1.aliyuncs.com', 'http://oss-us-west-1.aliyuncs.com', 'us-west-1'],
    ['oss-accelerate.aliyuncs.com', 'https://oss-accelerate.aliyuncs.com', undefined],
    [
      'oss-accelerate-overseas.aliyuncs.com',
      'https://oss-accelerate-overseas.aliyuncs.com',
      undefined,
    ],
    ['blobs.example:8080', 'https://blobs.example:8080', undefined],
  ] as const
  for (const [endpoint, origin, region] of cases) {
    const settings = parse('oss', { ...oss, endpoint })
    assert.ok(settings.type === 'oss')
    assert.deepEqual(
      [settings.origin, settings.region, settings.account],
      [origin, region, undefined],
    )
  }
})

test('localfs', () => {
  assert.deepEqual(parse('localfs', { dir: '/var/blobs' }), { type: 'localfs', dir: '/var/blobs' })
})

const refused: [BackendType, unknown, RegExp][] = [
  ['s3', '{"access_key_secret": "top-secret", ', /^: it is not JSON$/],
  ['s3', '[]', /^: it is not a JSON object/],
  ['s3', 'null', /^: it is not a JSON object/],
  ['s3', { ...s3, bucketName: 'x' }, /^bucketName: it is not known; did you mean bucket_name\?/],
  ['s3', { ...s3, force_path_style: 'x' }, /^force_path_style: it is not known; there are /],
  ['s3', { ...s3, region: 1 }, /^region: it is not a text/],
  ['s3', { ...s3, region: undefined }, /^region: it is missing/],
  ['s3', { ...s3, bucket_name: '' }, /^bucket_name: it is missing/],
  ['s3', { ...s3, bucket_name: '../x' }, /^bucket_name: .* is no name of a bucket/],
  ['s3', { ...s3, scheme: 'ftp' }, /^scheme: /],
  ['s3', { ...s3, endpoint: 'https://x' }, /^endpoint: the scheme is a member of its own/],
  ['s3', { ...s3, endpoint: 'host/path' }, /^endpoint: it is not a host/],
  [
    's3',
    { ...s3, endpoint: 'user:pass@host' },
    /^endpoint: it is not a host with an optional port$/,
  ],
  ['s3', { ...s3, object_prefix: '/x' }, /^object_prefix: /],
  ['s3', { ...s3, object_prefix: 'a/../b/' }, /^object_prefix: /],
  ['s3', { ...s3, access_key_secret: '' }, /^access_key_secret: it is missing/],
  ['s3', { ...s3, checksum_algorithm: 'crc32' }, /^checksum_algorithm: "crc32" is none of CRC32, /],
  ['oss', { bucket_name: 'b' }, /^endpoint: it is missing/],
  ['oss', { ...oss, bucket_name: 'B_1' }, /^bucket_name: it becomes part of a host name/],
  ['oss', { ...oss, access_key_id: 'i' }, /^access_key_secret: it is missing/],
  ['oss', { ...oss, scheme: 'http' }, /^scheme: it is not known/],
  ['localfs', {}, /^dir: it is missing/],
  ['localfs', { dir: 'blobs' }, /^dir: "blobs" is not an absolute path/],
]

for (const [type, config, pattern] of refused) {
  test(`${type}: refused: ${JSON.stringify(config)}`, () => {
    assert.throws(
      () => parse(type, config),
      (error: Error) => {
        assert.ok(error instanceof Refused)
        assert.match(error.message, pattern)
        assert.doesNotMatch(error.message, /top-secret|pass@/)
        return true
      },
    )
  })
}
