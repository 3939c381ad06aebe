import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { isAccelError } from '../errors/accel-error.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf } from '../oci/digest.ts'
import { OCI_MANIFEST } from '../oci/media-type.ts'
import { bytesFrom } from '../streams/byte-source.ts'
import { createFakeClock, type FakeClock } from '../testing/fake-clock.ts'
import {
  startScriptedServer,
  type ScriptedAnswer,
  type ScriptedServer,
  type SeenRequest,
} from '../testing/scripted-server.ts'
import { createRegistryClient, type RegistryClient } from './client.ts'
import type { HostInit } from './host.ts'

const password = 'pa:ss"wörd'
const account = { username: 'robot$demo+acceld', password }
const basic = `Basic ${Buffer.from(`${account.username}:${password}`).toString('base64')}`
const manifest = Buffer.from('{"schemaVersion":2}')
const image: Descriptor = {
  mediaType: OCI_MANIFEST,
  digest: digestOf(manifest),
  size: manifest.length,
}

const found: ScriptedAnswer = {
  status: 200,
  headers: {
    'docker-content-digest': image.digest,
    'content-type': OCI_MANIFEST,
    'content-length': String(image.size),
  },
  body: manifest,
}

function unauthorized(challenge: string | string[] | undefined, body = ''): ScriptedAnswer {
  return {
    status: 401,
    headers: challenge === undefined ? {} : { 'www-authenticate': challenge },
    body,
  }
}

function bearer(server: ScriptedServer, scope?: string): string {
  const suffix = scope === undefined ? '' : `,scope="${scope}"`
  return `Bearer realm="${server.url}/service/token",service="harbor-registry"${suffix}`
}

function json(value: unknown): ScriptedAnswer {
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  }
}

function clientOf(
  server: ScriptedServer,
  init: HostInit,
  clock: FakeClock = createFakeClock(),
): RegistryClient & { [Symbol.asyncDispose](): Promise<void> } {
  const client = createRegistryClient(
    { clock },
    { hosts: (host) => (host === server.host ? init : undefined), retry: { attempts: 3 } },
  )
  return { ...client, [Symbol.asyncDispose]: () => client.close() }
}

function isToken(request: SeenRequest): boolean {
  return request.path === '/service/token'
}

/** Answers as Harbor does: a Bearer challenge to who comes without, tokens `t1`, `t2`, … of which the last is good. */
function harbor(
  init: { expiresIn?: number; good?: (token: string, request: SeenRequest) => boolean } = {},
) {
  let issued = 0
  return (request: SeenRequest, server: ScriptedServer): ScriptedAnswer => {
    if (isToken(request)) {
      issued++
      return json({
        token: `t${issued}-secret`,
        access_token: '',
        expires_in: init.expiresIn ?? 1800,
      })
    }
    const { authorization } = request.headers
    if (authorization === undefined) return unauthorized(bearer(server, 'repository:demo/app:pull'))
    const token = authorization.replace('Bearer ', '')
    const good = init.good ?? ((current) => current === `t${issued}-secret`)
    return good(token, request) ? found : unauthorized('Basic realm="harbor"')
  }
}

test('a registry without login is asked without credentials', async () => {
  await using server = await startScriptedServer(() => found)
  await using client = clientOf(server, { credentials: account })
  const descriptor = await client
    .repository({ host: server.host, repository: 'demo/app' })
    .resolve('v1')
  assert.deepEqual(descriptor, image)
  assert.deepEqual(
    server.seen.map((r) => r.headers.authorization),
    [undefined],
  )
})

test('a token is fetched once and used for all requests of its scope', async () => {
  await using server = await startScriptedServer(harbor())
  await using client = clientOf(server, { credentials: account })
  const repository = client.repository({ host: server.host, repository: 'demo/app' })
  await repository.resolve('v1')
  await Promise.all([
    repository.resolve('v2'),
    repository.resolve('v3'),
    repository.manifest(image),
  ])
  const tokens = server.seen.filter(isToken)
  assert.equal(tokens.length, 1)
  assert.equal(tokens[0]?.headers.authorization, basic)
  assert.equal(tokens[0]?.query.get('service'), 'harbor-registry')
  assert.deepEqual(tokens[0]?.query.getAll('scope'), ['repository:demo/app:pull'])
  assert.deepEqual(
    server.seen.filter((r) => !isToken(r)).map((r) => r.headers.authorization),
    [undefined, ...Array.from({ length: 4 }, () => 'Bearer t1-secret')],
  )
})

test('requests that start together share one token request', async () => {
  await using server = await startScriptedServer(harbor())
  await using client = clientOf(server, { credentials: account })
  const repository = client.repository({ host: server.host, repository: 'demo/app' })
  await Promise.all(['a', 'b', 'c', 'd'].map((tag) => repository.resolve(tag)))
  assert.equal(server.seen.filter(isToken).length, 1)
})

test('a token is renewed before it expires', async () => {
  await using server = await startScriptedServer(harbor({ expiresIn: 600 }))
  const clock = createFakeClock()
  await using client = clientOf(server, { credentials: account }, clock)
  const repository = client.repository({ host: server.host, repository: 'demo/app' })
  await repository.resolve('v1')
  clock.advance(560_000)
  await repository.resolve('v1')
  assert.equal(server.seen.filter(isToken).length, 1)
  clock.advance(20_000)
  await repository.resolve('v1')
  assert.equal(server.seen.filter(isToken).length, 2)
})

test('a token that the registry no longer takes is replaced once, though the challenge is Basic', async () => {
  let revoked = false
  await using server = await startScriptedServer(
    harbor({ good: (token) => token === (revoked ? 't2-secret' : 't1-secret') }),
  )
  await using client = clientOf(server, { credentials: account })
  const repository = client.repository({ host: server.host, repository: 'demo/app' })
  await repository.resolve('v1')
  revoked = true
  await repository.resolve('v1')
  assert.deepEqual(
    server.seen.map((r) => (isToken(r) ? 'token' : (r.headers.authorization ?? '-'))),
    ['-', 'token', 'Bearer t1-secret', 'Bearer t1-secret', 'token', 'Bearer t2-secret'],
  )
})

test('after a fresh token Basic is tried once, then it is an error', async () => {
  await using server = await startScriptedServer(harbor({ good: () => false }))
  await using client = clientOf(server, { credentials: account })
  const repository = client.repository(
    { host: server.host, repository: 'demo/app' },
    { side: 'target' },
  )
  await assert.rejects(repository.resolve('v1'), (error) => {
    assert.ok(isAccelError(error, 'REGISTRY_AUTH'))
    assert.match(error.message, /^target .*demo\/app:v1.* does not let us in/)
    return true
  })
  assert.deepEqual(
    server.seen.map((r) => (isToken(r) ? 'token' : (r.headers.authorization ?? '-'))),
    ['-', 'token', 'Bearer t1-secret', basic],
  )
})

test('where a registry offers tokens alone, it is not sent the password', async () => {
  await using server = await startScriptedServer((request, self) =>
    isToken(request)
      ? json({ token: 't1' })
      : unauthorized(`${bearer(self)},error="insufficient_scope"`),
  )
  await using client = clientOf(server, { credentials: account })
  const repository = client.repository({ host: server.host, repository: 'demo/app' })
  await assert.rejects(repository.resolve('v1'), { code: 'REGISTRY_AUTH' })
  const sent = server.seen.filter((r) => !isToken(r)).map((r) => r.headers.authorization)
  assert.deepEqual(sent, [undefined, 'Bearer t1'])
})

test('a registry with Basic gets it from then on; a wrong password is told apart from a missing one', async () => {
  await using server = await startScriptedServer((request) =>
    request.headers.authorization === basic ? found : unauthorized('Basic realm="r"'),
  )
  await using right = clientOf(server, { credentials: account })
  const repository = right.repository({ host: server.host, repository: 'demo/app' })
  await repository.resolve('v1')
  await repository.resolve('v1')
  assert.deepEqual(
    server.seen.map((r) => r.headers.authorization),
    [undefined, basic, basic],
  )
  for (const [init, problem] of [
    [{ credentials: { ...account, password: 'wrong' } }, /does not accept the user and password/],
    [{}, /none is configured/],
  ] as const) {
    await using client = clientOf(server, init)
    await assert.rejects(
      client.repository({ host: server.host, repository: 'demo/app' }).resolve('v1'),
      (error) => {
        assert.ok(isAccelError(error, 'REGISTRY_AUTH'))
        assert.match(error.message, problem)
        return true
      },
    )
  }
})

test('an empty challenge, as Harbor gives for an unknown project, ends in an error that tells its words', async () => {
  await using server = await startScriptedServer(() =>
    unauthorized('', '{"errors":[{"code":"UNAUTHORIZED","message":"project nope not found"}]}'),
  )
  await using client = clientOf(server, { credentials: account })
  await assert.rejects(
    client.repository({ host: server.host, repository: 'nope/app' }).manifest(image),
    {
      code: 'REGISTRY_AUTH',
      message: /permission here, is not sufficient; UNAUTHORIZED: project nope not found/,
    },
  )
  assert.equal(server.seen.length, 2)
})

test('anonymous users get tokens, too', async () => {
  await using server = await startScriptedServer(harbor())
  await using client = clientOf(server, {})
  await client.repository({ host: server.host, repository: 'demo/app' }).resolve('v1')
  assert.equal(server.seen.find(isToken)?.headers.authorization, undefined)
})

test('an identity token is exchanged by POST', async () => {
  await using server = await startScriptedServer((request, self) => {
    if (isToken(request)) return json({ access_token: 'at', expires_in: 300 })
    return request.headers.authorization === 'Bearer at' ? found : unauthorized(bearer(self))
  })
  await using client = clientOf(server, { credentials: { identityToken: 'refresh-me' } })
  await client.repository({ host: server.host, repository: 'demo/app' }).resolve('v1')
  const asked = server.seen.find(isToken)
  assert.equal(asked?.method, 'POST')
  assert.equal(asked.headers.authorization, undefined)
  assert.deepEqual(Object.fromEntries(new URLSearchParams(asked.body.toString())), {
    grant_type: 'refresh_token',
    client_id: 'acceleration-service',
    service: 'harbor-registry',
    scope: 'repository:demo/app:pull',
    refresh_token: 'refresh-me',
  })
})

for (const status of [404, 405]) {
  test(`a token service that answers ${status} to POST is asked by GET`, async () => {
    await using server = await startScriptedServer((request, self) => {
      if (request.method === 'POST') return { status }
      if (isToken(request)) return json({ token: 't' })
      return request.headers.authorization === 'Bearer t' ? found : unauthorized(bearer(self))
    })
    await using client = clientOf(server, { credentials: { identityToken: 'refresh-me' } })
    await client.repository({ host: server.host, repository: 'demo/app' }).resolve('v1')
    const asked = server.seen.filter(isToken).map((r) => [r.method, r.headers.authorization])
    assert.deepEqual(asked, [
      ['POST', undefined],
      ['GET', `Basic ${Buffer.from('<token>:refresh-me').toString('base64')}`],
    ])
  })
}

test('a token service that is busy is asked again', async () => {
  let busy = 2
  await using server = await startScriptedServer((request, self) => {
    if (!isToken(request)) return harborLike(request, self)
    return busy-- > 0 ? { status: 503, headers: { 'retry-after': '7' } } : json({ token: 't' })
  })
  const clock = createFakeClock()
  await using client = clientOf(server, { credentials: account }, clock)
  await client.repository({ host: server.host, repository: 'demo/app' }).resolve('v1')
  assert.deepEqual(clock.sleeps, [7000, 7000])
})

function harborLike(request: SeenRequest, server: ScriptedServer): ScriptedAnswer {
  return request.headers.authorization === 'Bearer t' ? found : unauthorized(bearer(server))
}

for (const [name, answer] of Object.entries<ScriptedAnswer>({
  'a refusal': { status: 401 },
  'a redirect': { status: 302, headers: { location: 'http://127.0.0.1:1/' } },
  'no JSON': { status: 200, body: 'secret-token' },
  'no token': json({}),
  'an empty token': json({ token: '', access_token: '' }),
  'a token with a line end': json({ token: 'secret-token\r\nX-Evil: 1' }),
})) {
  test(`${name} of the token service is REGISTRY_AUTH and shows nothing of it`, async () => {
    await using server = await startScriptedServer((request, self) =>
      isToken(request) ? answer : unauthorized(bearer(self)),
    )
    await using client = clientOf(server, { credentials: account })
    await assert.rejects(
      client.repository({ host: server.host, repository: 'demo/app' }).resolve('v1'),
      (error) => {
        assert.ok(isAccelError(error, 'REGISTRY_AUTH'))
        assert.doesNotMatch(inspect(error, { depth: 9 }), /secret-token/)
        return true
      },
    )
  })
}

test('a realm at a foreign host gets no credentials from a registry without TLS', async () => {
  await using thief = await startScriptedServer(() => json({ token: 't' }))
  const realm = `http://thief.test:${thief.port}/token`
  await using server = await startScriptedServer(() =>
    unauthorized(`Bearer realm="${realm}?k=v",service="s"`),
  )
  await using client = clientOf(server, { credentials: account })
  await assert.rejects(
    client.repository({ host: server.host, repository: 'demo/app' }).resolve('v1'),
    {
      code: 'REGISTRY_TOKEN_REALM_REFUSED',
      message: new RegExp(`token from ${realm}\\?…: it is another host`),
    },
  )
  assert.equal(thief.seen.length, 0)
})

test('a refused realm beside an offer of Basic is left alone', async () => {
  await using server = await startScriptedServer((request) =>
    request.headers.authorization === basic
      ? found
      : unauthorized(['Bearer realm="http://thief.test/token"', 'Basic realm="r"']),
  )
  await using client = clientOf(server, { credentials: account })
  await client.repository({ host: server.host, repository: 'demo/app' }).resolve('v1')
  assert.equal(server.seen.length, 2)
})

test('credentials from a function are asked for once, and again after a refusal', async () => {
  let asked = 0
  let good = 'one'
  await using server = await startScriptedServer((request) => {
    const want = `Basic ${Buffer.from(`u:${good}`).toString('base64')}`
    return request.headers.authorization === want ? found : unauthorized('Basic realm="r"')
  })
  await using client = clientOf(server, {
    credentials: async () => {
      asked++
      return { username: 'u', password: good }
    },
  })
  const repository = client.repository({ host: server.host, repository: 'demo/app' })
  await repository.resolve('v1')
  await repository.resolve('v1')
  assert.equal(asked, 1)
  good = 'two'
  await repository.resolve('v1')
  assert.equal(asked, 2)
})

test('a 401 in the middle of a push renews the token and sends the bytes again', async () => {
  const blob = Buffer.alloc(200_000, 'x')
  const layer: Descriptor = { mediaType: 'x', digest: digestOf(blob), size: blob.length }
  let tokens = 0
  await using server = await startScriptedServer((request, self) => {
    if (isToken(request)) return json({ token: `t${++tokens}` })
    if (request.headers.authorization === undefined) return unauthorized(bearer(self))
    if (request.method === 'HEAD') return { status: 404 }
    if (request.method === 'POST')
      return { status: 202, headers: { location: '/v2/demo/app/blobs/uploads/1' } }
    return tokens < 2 ? unauthorized('Basic realm="harbor"') : { status: 201 }
  })
  await using client = clientOf(server, { credentials: account })
  const opened: number[] = []
  const outcome = await client
    .repository({ host: server.host, repository: 'demo/app' })
    .pushBlob(layer, (offset) => (opened.push(offset), bytesFrom(blob.subarray(offset))))
  assert.equal(outcome, 'uploaded')
  const puts = server.seen.filter((r) => r.method === 'PUT')
  assert.deepEqual(
    puts.map((r) => [r.headers.authorization, r.body.length]),
    [
      ['Bearer t1', blob.length],
      ['Bearer t2', blob.length],
    ],
  )
  assert.deepEqual(opened, [0, 0])
})

test('a mount that is refused with 401 is no error, and the blob is uploaded', async () => {
  const blob = Buffer.from('layer')
  const layer: Descriptor = { mediaType: 'x', digest: digestOf(blob), size: blob.length }
  await using other = await startScriptedServer((request, self) => {
    if (isToken(request))
      return json({ token: request.query.getAll('scope').length === 2 ? 'two' : 'one' })
    if (request.headers.authorization === undefined) return unauthorized(bearer(self))
    if (request.method === 'HEAD') return { status: 404 }
    if (request.query.has('mount')) return unauthorized('Basic realm="harbor"')
    if (request.method === 'POST')
      return { status: 202, headers: { location: '/v2/demo/app/blobs/uploads/1?_state=a%2Fb' } }
    return request.headers.authorization === 'Bearer one'
      ? { status: 201 }
      : unauthorized('Basic realm="harbor"')
  })
  await using pusher = clientOf(other, { credentials: account })
  const outcome = await pusher
    .repository({ host: other.host, repository: 'demo/app' })
    .pushBlob(layer, () => bytesFrom(blob), { mountFrom: ['library/base'] })
  assert.equal(outcome, 'uploaded')
  const mount = other.seen.find((r) => r.query.has('mount'))
  assert.equal(mount?.query.get('from'), 'library/base')
  assert.equal(mount.query.get('mount'), layer.digest)
  const put = other.seen.find((r) => r.method === 'PUT')
  assert.equal(put?.query.get('_state'), 'a/b')
  assert.equal(put.query.get('digest'), layer.digest)
})

test('cookies are never sent back', async () => {
  await using server = await startScriptedServer(() => ({
    ...(found as object),
    status: 200,
    headers: { ...(found as { headers: Record<string, string> }).headers, 'set-cookie': 'sid=1' },
  }))
  await using client = clientOf(server, {})
  const repository = client.repository({ host: server.host, repository: 'demo/app' })
  await repository.resolve('v1')
  await repository.resolve('v1')
  assert.deepEqual(
    server.seen.map((r) => r.headers.cookie),
    [undefined, undefined],
  )
})

test('no error shows a secret, though the registry repeats all it was sent', async () => {
  const echo = (request: SeenRequest): string =>
    JSON.stringify({
      errors: [
        {
          code: 'DENIED',
          message: `you sent ${request.headers.authorization}`,
          detail: { password, header: request.headers.authorization },
        },
      ],
    })
  await using server = await startScriptedServer((request, self) => {
    if (isToken(request)) return json({ token: 'registry-token-123' })
    if (request.headers.authorization === undefined) return unauthorized(bearer(self))
    if (request.path.includes('denied')) return { status: 403, body: echo(request) }
    if (request.path.includes('broken')) return 'reset'
    return unauthorized('Basic realm="harbor"', echo(request))
  })
  await using client = clientOf(server, { credentials: account })
  const repository = client.repository({ host: server.host, repository: 'demo/app' })
  const secrets = [
    password,
    JSON.stringify(password).slice(1, -1),
    'registry-token-123',
    basic.slice(6),
  ]
  for (const tag of ['denied', 'unauthorized', 'broken']) {
    const error: unknown = await repository.resolve(tag).catch((caught: unknown) => caught)
    assert.ok(isAccelError(error), tag)
    const shown = [
      error.message,
      error.stack,
      JSON.stringify(error),
      inspect(error, { depth: 9, showHidden: true }),
    ].join('\n')
    for (const secret of secrets) assert.ok(!shown.includes(secret), `${tag} shows ${secret}`)
  }
})

test('secrets of accounts are told to the redaction before they are used', async () => {
  const told: string[] = []
  await using server = await startScriptedServer((request) =>
    request.headers.authorization === basic ? found : unauthorized('Basic realm="r"'),
  )
  const client = createRegistryClient(
    { redaction: { add: (secret) => void told.push(secret) } },
    { hosts: () => ({ credentials: account }) },
  )
  await client.repository({ host: server.host, repository: 'demo/app' }).resolve('v1')
  await client.close()
  assert.deepEqual([...new Set(told)], [password, basic.slice(6)])
})

test('a host that is not configured is never contacted', async () => {
  await using server = await startScriptedServer(() => found)
  await using client = clientOf(server, {})
  assert.throws(() => client.repository({ host: 'other.test', repository: 'demo/app' }), {
    code: 'REGISTRY_HOST_NOT_CONFIGURED',
  })
  await assert.rejects(client.check('other.test'), { code: 'REGISTRY_HOST_NOT_CONFIGURED' })
  assert.throws(() => client.repository({ host: server.host, repository: '../x' }), {
    code: 'REFERENCE_INVALID',
  })
  assert.equal(server.seen.length, 0)
})

test('an account is checked against the base of the API', async () => {
  await using server = await startScriptedServer(harbor())
  await using client = clientOf(server, { credentials: account })
  await client.check(server.host)
  assert.deepEqual(server.lines(), ['GET /v2/', 'GET /service/token', 'GET /v2/'])
})
