import { isIP } from 'node:net'
import { isAbsolute } from 'node:path'
import { nearest } from '../config/nearest.ts'
import { CHECKSUMS, type Checksum } from './checksum.ts'

/** An account at an object store. */
export interface StoreAccount {
  id: string
  secret: string
  /** Of a temporary account. */
  sessionToken?: string
}

/** Blobs in a bucket of Amazon S3 or of a server that speaks its protocol. */
export interface S3Settings {
  type: 's3'
  /** Scheme and authority of the endpoint. */
  origin: string
  region: string
  bucket: string
  /** Stands before the hex digest in an object's name. */
  prefix: string
  account: StoreAccount
  /** What the server is to check parts with; undefined: nothing besides what TLS or the signature covers. */
  checksum: Checksum | undefined
}

/** Blobs in a bucket of Alibaba Cloud OSS. */
export interface OssSettings {
  type: 'oss'
  /** Scheme and authority of the endpoint, without the bucket. */
  origin: string
  /** Of the endpoint's name, by which requests are signed in version 4; undefined: they are signed in version 1. */
  region: string | undefined
  bucket: string
  prefix: string
  /** Absent: requests are not signed. */
  account: StoreAccount | undefined
}

/** Blobs as files of a directory. */
export interface LocalfsSettings {
  type: 'localfs'
  dir: string
}

/** Where blobs are kept outside of the registry. */
export type BackendSettings = S3Settings | OssSettings | LocalfsSettings

/** Says what is wrong with a member of the JSON, or with all of it where `member` is empty. Never returns. */
export type FailMember = (member: string, problem: string) => never

/** Names of backends, as in `backend_type`. */
export const BACKEND_TYPES = ['localfs', 's3', 'oss'] as const
export type BackendType = (typeof BACKEND_TYPES)[number]

/** A bucket's name: its letters may stand in a host name and in a path. */
const bucketForm = /^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/

/** Reads `text`, the JSON of `backend_config`. `environment` has the account of an S3 without keys. */
export function parseBackendConfig(
  type: BackendType,
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
  fail: FailMember,
): BackendSettings {
  const members = parseObject(text, fail)
  switch (type) {
    case 's3':
      return s3Settings(membersOf(members, S3_MEMBERS, fail), environment, fail)
    case 'oss':
      return ossSettings(membersOf(members, OSS_MEMBERS, fail), fail)
    case 'localfs':
      return localfsSettings(membersOf(members, ['dir'], fail), fail)
  }
}

const S3_MEMBERS = [
  'bucket_name',
  'region',
  'endpoint',
  'scheme',
  'access_key_id',
  'access_key_secret',
  'object_prefix',
  'checksum_algorithm',
] as const
const OSS_MEMBERS = [
  'endpoint',
  'bucket_name',
  'access_key_id',
  'access_key_secret',
  'object_prefix',
] as const

type Members<Name extends string> = Partial<Record<Name, string>>

function s3Settings(
  members: Members<(typeof S3_MEMBERS)[number]>,
  environment: Readonly<Record<string, string | undefined>>,
  fail: FailMember,
): S3Settings {
  const region = members.region || fail('region', 'it is missing')
  const scheme = members.scheme || 'https'
  if (scheme !== 'https' && scheme !== 'http') fail('scheme', 'it is neither https nor http')
  const endpoint = members.endpoint || 's3.amazonaws.com'
  if (endpoint.includes('://')) fail('endpoint', 'the scheme is a member of its own, `scheme`')
  return {
    type: 's3',
    origin: originOf(`${scheme}://${endpoint}`, fail),
    region,
    bucket: bucketOf(members.bucket_name, fail),
    prefix: prefixOf(members.object_prefix, fail),
    account: accountOf(members, fail) ?? accountOfEnvironment(environment, fail),
    checksum: checksumOf(members.checksum_algorithm, fail),
  }
}

function ossSettings(
  members: Members<(typeof OSS_MEMBERS)[number]>,
  fail: FailMember,
): OssSettings {
  const endpoint = members.endpoint || fail('endpoint', 'it is missing')
  const origin = originOf(/^https?:\/\//.test(endpoint) ? endpoint : `https://${endpoint}`, fail)
  const { hostname } = new URL(origin)
  const bucket = bucketOf(members.bucket_name, fail)
  if (isIP(hostname) === 0 && !/^[a-z0-9-]+$/.test(bucket)) {
    fail('bucket_name', 'it becomes part of a host name: lower-case letters, digits and hyphens')
  }
  return {
    type: 'oss',
    origin,
    region: ossRegion(hostname),
    bucket,
    prefix: prefixOf(members.object_prefix, fail),
    account: accountOf(members, fail),
  }
}

/** The region that an endpoint of Alibaba's names; those of transfer acceleration name none. */
function ossRegion(hostname: string): string | undefined {
  const region = /^oss-([a-z0-9-]+?)(?:-internal)?\.aliyuncs\.com$/.exec(hostname)?.[1]
  return region?.startsWith('accelerate') ? undefined : region
}

function localfsSettings({ dir }: Members<'dir'>, fail: FailMember): LocalfsSettings {
  if (!dir) return fail('dir', 'it is missing')
  if (!isAbsolute(dir)) return fail('dir', `${JSON.stringify(dir)} is not an absolute path`)
  return { type: 'localfs', dir }
}

function parseObject(text: string, fail: FailMember): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's own words repeat the text, with the secret in it.
    fail('', 'it is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return fail('', 'it is not a JSON object')
  }
  return value as Record<string, unknown>
}

/** The members, all of them texts and known. */
function membersOf<Name extends string>(
  members: Record<string, unknown>,
  names: readonly Name[],
  fail: FailMember,
): Members<Name> {
  for (const [name, value] of Object.entries(members)) {
    if (!names.includes(name as Name)) {
      const meant = nearest(name, names)
      const hint = meant === undefined ? `there are ${names.join(', ')}` : `did you mean ${meant}?`
      fail(name, `it is not known; ${hint}`)
    }
    if (typeof value !== 'string') fail(name, 'it is not a text')
  }
  return members as Members<Name>
}

function originOf(text: string, fail: FailMember): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const bare = url?.pathname === '/' && url.search === '' && url.hash === ''
  if (url === undefined || !bare || url.username !== '' || url.password !== '') {
    return fail('endpoint', 'it is not a host with an optional port')
  }
  return url.origin
}

function bucketOf(name: string | undefined, fail: FailMember): string {
  if (!name) return fail('bucket_name', 'it is missing')
  if (!bucketForm.test(name)) fail('bucket_name', `${JSON.stringify(name)} is no name of a bucket`)
  return name
}

function prefixOf(prefix = '', fail: FailMember): string {
  if (prefix.startsWith('/')) fail('object_prefix', 'names of objects do not begin with a slash')
  // URLs take these segments for directions.
  if (/(?:^|\/)\.{1,2}(?:\/|$)/.test(prefix)) fail('object_prefix', 'it has a segment . or ..')
  return prefix
}

function accountOf(
  members: Members<'access_key_id' | 'access_key_secret'>,
  fail: FailMember,
): StoreAccount | undefined {
  const { access_key_id: id = '', access_key_secret: secret = '' } = members
  if (id === '' && secret === '') return undefined
  if (id === '') fail('access_key_id', 'it is missing, and access_key_secret is there')
  if (secret === '') fail('access_key_secret', 'it is missing, and access_key_id is there')
  return { id, secret }
}

function accountOfEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  fail: FailMember,
): StoreAccount {
  const id = environment['AWS_ACCESS_KEY_ID']
  const secret = environment['AWS_SECRET_ACCESS_KEY']
  const sessionToken = environment['AWS_SESSION_TOKEN']
  if (id && secret) return { id, secret, ...(sessionToken ? { sessionToken } : {}) }
  return fail(
    'access_key_id',
    'it is missing, and so are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment',
  )
}

function checksumOf(name: string | undefined, fail: FailMember): Checksum | undefined {
  if (name === '') return undefined
  const checksum = CHECKSUMS.find((known) => known === (name ?? 'CRC32'))
  if (checksum !== undefined) return checksum
  return fail(
    'checksum_algorithm',
    `${JSON.stringify(name)} is none of ${CHECKSUMS.join(', ')}; empty for none`,
  )
}
