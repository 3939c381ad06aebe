import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { isAccelError } from '../errors/accel-error.ts'
import { digestOf } from '../oci/digest.ts'
import { OCI_MANIFEST } from '../oci/media-type.ts'
import { createFakeClock, type FakeClock } from '../testing/fake-clock.ts'
import { startScriptedServer, type ScriptedAnswer } from '../testing/scripted-server.ts'
import { createRegistryClient, type RegistryClientInit } from './client.ts'
import type { HostInit } from './host.ts'

const image = Buffer.from('{}')
const found: ScriptedAnswer = {
  status: 200,
  headers: {
    'docker-content-digest': digestOf(image),
    'content-type': OCI_MANIFEST,
    'content-length': '2',
  },
  body: image,
}
const tlsFolder = join(import.meta.dirname, '../../test/fixtures/registry-tls')
const pem = (name: string): string => readFileSync(join(tlsFolder, `${name}.pem`), 'utf8')
const serverTls = { key: pem('server-key'), cert: pem('server') }

interface Resolve extends Partial<RegistryClientInit> {
  host?: HostInit
  clock?: FakeClock
  signal?: AbortSignal
}

/** Resolves one tag with a client of its own. */
async function resolve(host: string, init: Resolve = {}): Promise<string> {
  const { host: settings = {}, clock = createFakeClock(), signal, ...rest } = init
  const client = createRegistryClient({ clock }, { hosts: () => settings, ...rest })
  try {
    const repository = client.repository({ host, repository: 'demo/app' }, { side: 'source' })
    return (await repository.resolve('v1', signal === undefined ? {} : { signal })).digest
  } finally {
    await client.close()
  }
}

/** Answers with `first`, one after the other, then as if nothing had been. */
function inTurn(...first: ScriptedAnswer[]): () => ScriptedAnswer {
  let at = 0
  return () => first[at++] ?? found
}

test('429, 5xx and broken connections are tried again, with growing pauses', async () => {
  await using server = await startScriptedServer(
    inTurn({ status: 429 }, { status: 503 }, 'reset', { status: 500 }),
  )
  const clock = createFakeClock()
  assert.equal(await resolve(server.host, { clock }), digestOf(image))
  assert.deepEqual(clock.sleeps, [250, 500, 1000, 2000])
})

test('a registry that has answered before may be away for minutes, one that never has may not', async () => {
  for (const gone of ['reset', { status: 502 }] satisfies ScriptedAnswer[]) {
    let back = false
    let asked = 0
    await using server = await startScriptedServer(() => (asked++ === 0 || back ? found : gone))
    const clock = createFakeClock()
    const away = {
      ...clock,
      async sleep(ms: number) {
        await clock.sleep(ms)
        back = clock.sleeps.reduce((a, b) => a + b) > 120_000
      },
    }
    const client = createRegistryClient({ clock: away }, { hosts: () => ({}) })
    const repository = client.repository({ host: server.host, repository: 'demo/app' })
    await repository.resolve('v1')
    await repository.resolve('v1')
    assert.ok(clock.sleeps.length > 5)
    await client.close()
    back = false
    asked = 1
    await assert.rejects(resolve(server.host, { clock: createFakeClock() }))
    // For longer than that it is given up all the same.
    asked = 0
    const tired = createFakeClock()
    const second = createRegistryClient({ clock: tired }, { hosts: () => ({}) })
    const again = second.repository({ host: server.host, repository: 'demo/app' })
    await again.resolve('v1')
    await assert.rejects(again.resolve('v1'))
    const waited = tired.sleeps.reduce((a, b) => a + b)
    assert.ok(waited >= 150_000 && waited < 240_000, `${waited}`)
    await second.close()
  }
})

test('Retry-After is honoured, as seconds and as date', async () => {
  const clock = createFakeClock()
  await using server = await startScriptedServer(
    inTurn(
      { status: 429, headers: { 'retry-after': '30' } },
      { status: 503, headers: { 'retry-after': new Date(clock.now() + 90_000).toUTCString() } },
    ),
  )
  await resolve(server.host, { clock })
  assert.deepEqual(clock.sleeps, [30_000, 60_000])
})

test('while a registry wants no requests, others do not reach it either', async () => {
  const clock = createFakeClock()
  let release = (): void => {}
  const sleeping = new Promise<void>((go) => (release = go))
  const waits: number[] = []
  const held = {
    ...clock,
    async sleep(ms: number) {
      waits.push(ms)
      await sleeping
      clock.advance(ms)
    },
  }
  await using server = await startScriptedServer(
    inTurn({ status: 429, headers: { 'retry-after': '30' } }),
  )
  const client = createRegistryClient({ clock: held }, { hosts: () => ({}) })
  const repository = client.repository({ host: server.host, repository: 'demo/app' })
  const first = repository.resolve('v1')
  while (waits.length === 0) await new Promise(setImmediate)
  const second = repository.resolve('v2')
  while (waits.length === 1) await new Promise(setImmediate)
  assert.equal(server.seen.length, 1)
  assert.deepEqual(waits, [30_000, 30_000])
  release()
  await Promise.all([first, second])
  await client.close()
})

for (const [status, code, retry] of [
  [400, 'REGISTRY_STATUS', 'never'],
  [403, 'REGISTRY_DENIED', 'never'],
  [412, 'REGISTRY_POLICY', 'backoff'],
  [418, 'REGISTRY_STATUS', 'never'],
  [429, 'REGISTRY_RATE_LIMITED', 'backoff'],
  [500, 'REGISTRY_UNAVAILABLE', 'backoff'],
  [501, 'REGISTRY_STATUS', 'never'],
  [503, 'REGISTRY_UNAVAILABLE', 'backoff'],
] as const) {
  test(`${status} is ${code}`, async () => {
    const words = JSON.stringify({
      errors: [{ code: 'SPEC_CODE', message: 'said\u0000 so\n', detail: { a: 1 } }],
    })
    await using server = await startScriptedServer(() => ({ status, body: words }))
    await assert.rejects(resolve(server.host), (error) => {
      assert.ok(isAccelError(error))
      assert.equal(error.code, code)
      assert.equal(error.retry, retry)
      assert.match(
        error.message,
        new RegExp(
          `^source ${server.host}/demo/app:v1: (GET|HEAD) ${server.url}/v2/demo/app/manifests/v1 answered ${status}`,
        ),
      )
      if (error.message.includes(': GET '))
        assert.match(error.message, /; SPEC_CODE: said so \(\{"a":1\}\)/)
      return true
    })
  })
}

test('a page of a proxy is not taken for the registry’s words; plain text is', async () => {
  for (const [type, body, want] of [
    ['text/html', '<html>secret page</html>', /answered 403$/],
    [
      'text/plain',
      'Client sent an HTTP request to an HTTPS server.\nmore',
      /answered 403; text: Client sent an HTTP request to an HTTPS server\.$/,
    ],
    ['application/json', '{"broken', /answered 403$/],
    [
      'application/json',
      `{"errors":[${'{"code":"A","message":"b"},'.repeat(9)}null]}`,
      /(; A: b){4}$/,
    ],
    ['text/plain', 'x'.repeat(100_000), /; text: x{400}…$/],
  ] as const) {
    await using server = await startScriptedServer(() => ({
      status: 403,
      headers: { 'content-type': type },
      body,
    }))
    await assert.rejects(resolve(server.host), { code: 'REGISTRY_DENIED', message: want })
  }
})

test('a port where nobody listens is REGISTRY_UNREACHABLE after the attempts', async () => {
  const server = await startScriptedServer(() => found)
  await server.close()
  const clock = createFakeClock()
  await assert.rejects(resolve(server.host, { clock, retry: { attempts: 3 } }), {
    code: 'REGISTRY_UNREACHABLE',
    context: {
      what: `${server.host}/demo/app:v1`,
      side: 'source',
      host: server.host,
      problem: 'the connection was refused (ECONNREFUSED)',
      attempts: 3,
    },
  })
  assert.equal(clock.sleeps.length, 2)
})

test('a registry that says nothing is given up in time', async () => {
  await using server = await startScriptedServer(() => 'silence')
  await assert.rejects(resolve(server.host, { times: { headersMs: 50 }, retry: { attempts: 1 } }), {
    code: 'REGISTRY_UNREACHABLE',
    message: /no answer in time/,
  })
})

test('an abort ends the waiting for an answer, for a place and for the next attempt', async () => {
  const controller = new AbortController()
  await using server = await startScriptedServer(() => {
    controller.abort()
    return 'silence'
  })
  await assert.rejects(resolve(server.host, { signal: controller.signal }), {
    code: 'ABORTED',
    message: `${server.host}/demo/app:v1 was cancelled`,
  })
  await assert.rejects(resolve(server.host, { signal: controller.signal }), { code: 'ABORTED' })
  assert.equal(server.seen.length, 1)

  const second = new AbortController()
  await using busy = await startScriptedServer(() => ({ status: 503 }))
  const clock = createFakeClock()
  const sleep = async (ms: number, signal?: AbortSignal) => {
    second.abort()
    await clock.sleep(ms, signal)
  }
  await assert.rejects(resolve(busy.host, { signal: second.signal, clock: { ...clock, sleep } }), {
    code: 'ABORTED',
  })
})

test('what is not HTTP is REGISTRY_UNREACHABLE and does no harm', async () => {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.end('SSH-2.0-OpenSSH_9.6\r\n')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    await assert.rejects(resolve(host, { retry: { attempts: 2 } }), {
      code: 'REGISTRY_UNREACHABLE',
    })
    assert.equal(sockets.length, 2)
  } finally {
    server.close()
  }
})

test('every request names the program and asks for no encoding', async () => {
  await using server = await startScriptedServer(() => found)
  await resolve(server.host, { userAgent: 'acceleration-service/1.2' })
  const { headers } = server.seen[0] ?? assert.fail()
  assert.equal(headers['user-agent'], 'acceleration-service/1.2')
  assert.equal(headers['accept-encoding'], 'identity')
  assert.match(
    String(headers.accept),
    /oci\.image\.index.*oci\.image\.manifest.*manifest\.list.*docker\.distribution\.manifest/,
  )
})

test('connections are kept for the next request', async () => {
  await using server = await startScriptedServer(() => found)
  const client = createRegistryClient({}, { hosts: () => ({}) })
  const repository = client.repository({ host: server.host, repository: 'demo/app' })
  for (let i = 0; i < 20; i++) await repository.resolve(`v${i}`)
  // A connection is free for the next request one turn after its answer, so a second one may be made.
  assert.ok(server.accepted() <= 2)
  await client.close()
})

test('a certificate of an unknown authority is REGISTRY_TLS, once, and not with plain HTTP instead', async () => {
  await using server = await startScriptedServer(() => found, serverTls)
  const clock = createFakeClock()
  await assert.rejects(resolve(server.host, { clock, host: { plainHttp: false } }), {
    code: 'REGISTRY_TLS',
    retry: 'never',
    message: /authority is not trusted|self-signed/,
  })
  assert.deepEqual([clock.sleeps, server.seen], [[], []])
})

test('an authority that is configured, or no check at all, makes it good', async () => {
  await using server = await startScriptedServer(() => found, serverTls)
  assert.equal(await resolve(server.host, { host: { ca: pem('ca') } }), digestOf(image))
  assert.equal(
    await resolve(server.host, { host: { insecure: true, plainHttp: false } }),
    digestOf(image),
  )
})

test('TLS with a registry that has none is REGISTRY_TLS, never a fallback', async () => {
  await using server = await startScriptedServer(() => found)
  await assert.rejects(
    resolve(server.host, {
      host: { plainHttp: false, credentials: { username: 'u', password: 'pass' } },
    }),
    { code: 'REGISTRY_TLS', message: /does not speak TLS as we do, or not at all/ },
  )
  assert.equal(server.seen.length, 0)
})

test('a client certificate is shown to the registry, and not to where it redirects', async () => {
  const mutual = { ...serverTls, ca: pem('ca'), requestCert: true, rejectUnauthorized: false }
  await using storage = await startScriptedServer(() => found, mutual)
  await using server = await startScriptedServer(
    () => ({ status: 307, headers: { location: `${storage.url}/x` } }),
    mutual,
  )
  const clientCertificate = { cert: pem('client'), key: pem('client-key') }
  await resolve(server.host, { host: { ca: pem('ca'), clientCertificate } })
  assert.deepEqual([server.seen[0]?.clientTrusted, storage.seen[0]?.clientTrusted], [true, false])
})

test('a registry is reached at its address, under its own name', async () => {
  await using server = await startScriptedServer(() => found, serverTls)
  const host = { ca: pem('ca'), address: server.host }
  assert.equal(await resolve('registry.test', { host }), digestOf(image))
  assert.equal(server.seen[0]?.headers.host, 'registry.test')
  await assert.rejects(resolve('other.test', { host }), {
    code: 'REGISTRY_TLS',
    message: /certificate has another name/,
  })
  await using plain = await startScriptedServer(() => found)
  const init = { plainHttp: true, address: plain.host }
  assert.equal(await resolve('registry.test', { host: init }), digestOf(image))
  assert.equal(plain.seen[0]?.headers.host, 'registry.test')
})

test('a token realm with the registry’s name is asked at its address', async () => {
  await using server = await startScriptedServer((request): ScriptedAnswer => {
    if (request.path === '/service/token') return { status: 200, body: '{"token":"t"}' }
    if (request.headers.authorization === 'Bearer t') return found
    return {
      status: 401,
      headers: { 'www-authenticate': 'Bearer realm="https://registry.test/service/token"' },
    }
  })
  await resolve('registry.test', { host: { plainHttp: true, address: server.host } })
  assert.deepEqual(server.lines(), [
    'HEAD /v2/demo/app/manifests/v1',
    'GET /service/token',
    'HEAD /v2/demo/app/manifests/v1',
  ])
})

test('a redirect from TLS to plain HTTP is refused, with nothing sent', async () => {
  await using plain = await startScriptedServer(() => found)
  await using server = await startScriptedServer(
    () => ({ status: 307, headers: { location: `http://storage.test:${plain.port}/x?sig=abc` } }),
    serverTls,
  )
  await assert.rejects(resolve(server.host, { host: { ca: pem('ca') } }), {
    code: 'REGISTRY_REDIRECT_REFUSED',
    message: /sends us to http:\/\/storage\.test:\d+\/x\?…: it gives up TLS$/,
  })
  assert.equal(plain.seen.length, 0)
})
