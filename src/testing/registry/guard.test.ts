import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../oci/digest.ts'
import { startTestRegistry } from './test-registry.ts'
import type { AuthInit } from './init.ts'

const basic = (user: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`,
})
const digest = digestOf('x')
const users = {
  alice: 'wonder:land',
  reader: { secret: 'r', push: [] },
  team: { secret: 't', pull: ['demo/'], push: ['demo/app'] },
}

interface Answer {
  status: number
  challenge: string | null
  json: Record<string, unknown>
}

async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init)
  const text = await response.text()
  const json = text.startsWith('{') ? (JSON.parse(text) as Answer['json']) : {}
  return { status: response.status, challenge: response.headers.get('www-authenticate'), json }
}

test('basic: 401 without or with wrong credentials, 403 without the right to', async () => {
  await using registry = await startTestRegistry({ auth: { kind: 'basic', users } })
  const status = async (path: string, headers: Record<string, string>, method = 'GET') =>
    (await ask(`${registry.url}${path}`, { headers, method })).status
  const blob = `/v2/demo/app/blobs/${digest}`
  const uploads = '/v2/demo/app/blobs/uploads/'
  assert.equal((await ask(`${registry.url}/v2/`)).challenge, 'Basic realm="test registry"')
  assert.equal(await status('/v2/', basic('alice', 'wrong')), 401)
  assert.equal(await status('/v2/', basic('alice', 'wonder:land')), 200)
  assert.equal(await status(blob, basic('reader', 'r')), 404)
  assert.equal(await status(uploads, basic('reader', 'r'), 'POST'), 403)
  assert.equal(await status(uploads, basic('team', 't'), 'POST'), 202)
  assert.equal(await status('/v2/demo/b/blobs/uploads/', basic('team', 't'), 'POST'), 403)
  assert.equal(await status(`/v2/other/blobs/${digest}`, basic('team', 't')), 403)
  assert.deepEqual(
    registry.requests('GET blob').map((request) => [request.authorized, request.user]),
    [
      [true, 'reader'],
      [true, 'team'],
    ],
  )
  assert.ok(!JSON.stringify(registry.requests()).includes('wonder'))
})

async function bearer(init: Partial<AuthInit> = {}, more: { now?: () => number } = {}) {
  const registry = await startTestRegistry({ auth: { kind: 'bearer', users, ...init }, ...more })
  const token = async (scope: string, headers: Record<string, string>) => {
    const query = new URLSearchParams({ service: 'test-registry', scope })
    const { json } = await ask(`${registry.url}/token?${query.toString()}`, { headers })
    return { authorization: `Bearer ${String(json['token'])}` }
  }
  return { registry, token, uploads: `${registry.url}/v2/demo/app/blobs/uploads/` }
}

test('bearer: the challenge names what is needed, the token gives what was asked and may be given', async () => {
  const { registry, token, uploads } = await bearer()
  await using _ = registry
  const service = `Bearer realm="${registry.url}/token",service="test-registry"`
  assert.equal((await ask(`${registry.url}/v2/`)).challenge, service)
  const mount = await ask(`${uploads}?mount=${digest}&from=demo/base`, { method: 'POST' })
  const scope = 'repository:demo/app:pull,push repository:demo/base:pull'
  assert.deepEqual([mount.status, mount.challenge], [401, `${service},scope="${scope}"`])

  const pull = await token('repository:demo/app:pull', basic('alice', 'wonder:land'))
  const blob = `${registry.url}/v2/demo/app/blobs/${digest}`
  assert.equal((await ask(blob, { headers: pull })).status, 404)
  const short = await ask(uploads, { method: 'POST', headers: pull })
  assert.equal(short.status, 401)
  assert.ok(short.challenge?.endsWith('error="insufficient_scope"'))
  const push = await token(scope, basic('alice', 'wonder:land'))
  assert.equal((await ask(uploads, { method: 'POST', headers: push })).status, 202)
  const refused = await token(scope, basic('reader', 'r'))
  assert.equal((await ask(uploads, { method: 'POST', headers: refused })).status, 401)
  const basicHere = await ask(blob, { headers: basic('alice', 'wonder:land') })
  assert.ok(basicHere.challenge?.endsWith('error="invalid_token"'))
  const wrong = await ask(`${registry.url}/token`, { headers: basic('alice', 'x') })
  assert.equal(wrong.status, 401)
})

test('bearer: tokens end with time, after so many requests, and on demand', async () => {
  let now = 1000
  const { registry, token } = await bearer(
    { expiresIn: 60, requestsPerToken: 2 },
    { now: () => now },
  )
  await using _ = registry
  const blob = `${registry.url}/v2/demo/app/blobs/${digest}`
  const status = async (headers: Record<string, string>) => (await ask(blob, { headers })).status
  const fresh = () => token('repository:demo/app:pull', basic('reader', 'r'))
  const counted = await fresh()
  assert.deepEqual(
    [await status(counted), await status(counted), await status(counted)],
    [404, 404, 401],
  )
  const timed = await fresh()
  now += 59_999
  assert.equal(await status(timed), 404)
  now += 1
  assert.equal(await status(timed), 401)
  const ended = await fresh()
  registry.expireTokens()
  assert.equal(await status(ended), 401)
})

test('bearer: anybody may pull where that is allowed, with a token', async () => {
  const { registry, token, uploads } = await bearer({ anonymousPull: true })
  await using _ = registry
  const blob = `${registry.url}/v2/demo/app/blobs/${digest}`
  assert.equal((await ask(blob)).status, 401)
  const anonymous = await token('repository:demo/app:pull,push', {})
  assert.equal((await ask(blob, { headers: anonymous })).status, 404)
  assert.equal((await ask(uploads, { method: 'POST', headers: anonymous })).status, 401)
})

test('the token endpoint takes a form, where it does', async () => {
  const { registry } = await bearer()
  await using _ = registry
  const post = (form: Record<string, string>) =>
    ask(`${registry.url}/token`, { method: 'POST', body: new URLSearchParams(form) })
  const scope = 'repository:demo/app:pull'
  const password = { grant_type: 'password', username: 'reader', password: 'r', scope }
  const first = await post({ ...password, access_type: 'offline' })
  const refresh_token = String(first.json['refresh_token'])
  const second = await post({ grant_type: 'refresh_token', refresh_token, scope })
  const headers = { authorization: `Bearer ${String(second.json['access_token'])}` }
  const blob = `${registry.url}/v2/demo/app/blobs/${digest}`
  assert.equal((await ask(blob, { headers })).status, 404)
  assert.equal((await post({ ...password, password: 'x' })).status, 401)
  assert.equal((await post({ grant_type: 'refresh_token', refresh_token: 'x' })).status, 401)
})

test('a fault is not met by a request that is refused anyway', async () => {
  const { registry, token } = await bearer()
  await using _ = registry
  registry.fault({ on: 'GET blob', then: { status: 503 } })
  registry.fault({ on: ['GET base', 'GET token'], then: { status: 502 }, times: 2 })
  const blob = `${registry.url}/v2/demo/app/blobs/${digest}`
  assert.equal((await ask(`${registry.url}/v2/`)).status, 502)
  assert.equal((await ask(`${registry.url}/token`)).status, 502)
  assert.equal((await ask(blob)).status, 401)
  const headers = await token('repository:demo/app:pull', basic('reader', 'r'))
  assert.equal((await ask(blob, { headers })).status, 503)
  assert.equal((await ask(blob, { headers })).status, 404)
})
