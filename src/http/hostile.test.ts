/** Requests that nobody sends who means well: the right answer, nothing converted, and the service goes on. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { startTestService, type TestService } from '../testing/service/http-service.ts'
import type { Answer } from '../testing/service/send-request.ts'

const yaml = `server: { host: 127.0.0.1, port: 0 }
provider: { source: { registry.test: { webhook: { auth_header: header } } } }
converter: { worker: 1, driver: { type: estargz }, rules: [{ tag_suffix: -esgz }] }
`

const path = '/api/v1/conversions'

function post(
  service: TestService,
  body: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return service.send({
    method: 'POST',
    path,
    headers: { authorization: 'header', 'content-type': 'application/json', ...headers },
    body,
  })
}

async function isWell(service: TestService): Promise<void> {
  assert.equal((await service.send({ path: '/api/v1/health' })).body, 'Ok')
  assert.doesNotMatch(service.lines.join(''), /defect of the program/)
}

const contentTypes = [
  'application/json',
  'application/cloudevents+json',
  'application/vnd.docker.distribution.events.v2+json',
]

test('any JSON, in every dialect: an answer of ours, and nothing breaks', async () => {
  await using service = await startTestService({ yaml, run: () => new Promise(() => undefined) })
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), fc.constantFrom(...contentTypes), async (value, type) => {
      const { status } = await post(service, JSON.stringify(value), { 'content-type': type })
      assert.equal(status, 400)
    }),
    { numRuns: 150 },
  )
  await isWell(service)
  assert.deepEqual(service.queue.list().tasks, [])
})

test('recorded events with any member replaced by anything: never a defect', async () => {
  await using service = await startTestService({ yaml, run: () => new Promise(() => undefined) })
  const fixtures = join(import.meta.dirname, '../../test/fixtures/webhooks')
  const recorded = ['distribution-2.8.2.json', 'zot-2.json'].flatMap(
    (name) =>
      JSON.parse(readFileSync(join(fixtures, name), 'utf8')) as {
        headers: Record<string, string>
        body: string
      }[],
  )
  const harbor = {
    headers: { 'Content-Type': 'application/json' },
    body: '{"type":"PUSH_ARTIFACT","occur_at":1,"operator":"a","event_data":{"resources":[{"digest":"sha256:0","tag":"v1","resource_url":"registry.test/a:1"}],"repository":{}}}',
  }
  const requests = [...recorded, harbor]
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...requests),
      fc.nat(60),
      fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.string({ unit: 'binary' })),
      async ({ headers, body }, member, value) => {
        let count = 0
        const changed = JSON.stringify(JSON.parse(body), (_, old: unknown) =>
          count++ === member ? value : old,
        )
        const answer = await post(service, changed ?? '', {
          ...headers,
          Authorization: 'header',
        })
        assert.ok([200, 400, 403].includes(answer.status), `${answer.status} ${changed}`)
      },
    ),
    { numRuns: 120 },
  )
  await isWell(service)
})

test('JSON that is nested a hundred thousand times is answered like any other', async () => {
  await using service = await startTestService({ yaml })
  const deep = 100_000
  for (const body of [
    '['.repeat(deep),
    '['.repeat(deep) + ']'.repeat(deep),
    '{"type":'.repeat(deep) + '1' + '}'.repeat(deep),
    `{"type":"PUSH_ARTIFACT","event_data":${'['.repeat(deep)}${']'.repeat(deep)}}`,
    `{"__proto__":{"type":"PUSH_ARTIFACT"},"constructor":{"image":"registry.test/a"}}`,
  ]) {
    assert.equal((await post(service, body)).status, 400)
  }
  await isWell(service)
})

test('of a body of 100 MB no more is read than the limit', async () => {
  await using service = await startTestService({ yaml })
  const piece = Buffer.alloc(256 * 1024, 0x20)
  let sent = 0
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const request = httpRequest(
      {
        ...service.where,
        host: '127.0.0.1',
        method: 'POST',
        path,
        agent: false,
        headers: {
          authorization: 'header',
          'content-type': 'application/json',
          'transfer-encoding': 'chunked',
        },
      },
      (response) => {
        response.resume()
        resolve(response.statusCode)
        request.destroy()
      },
    )
    request.on('error', reject)
    const write = (): void => {
      while (sent < 400 && !request.destroyed) {
        sent += 1
        if (!request.write(piece)) return void request.once('drain', write)
      }
    }
    write()
  })
  assert.equal(status, 413)
  assert.ok(sent < 400, 'all was taken')
  await isWell(service)
})

test('floods of headers are refused', async () => {
  await using service = await startTestService({ yaml })
  const answers = [
    `X: ${'x'.repeat(20_000)}\r\n`,
    Array.from({ length: 5_000 }, (_, i) => `X-${i}: 1\r\n`).join(''),
    `Authorization: ${'a'.repeat(17_000)}\r\n`,
    'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n',
    'Content-Length: -1\r\n',
    'Content-Length: 1\r\nContent-Length: 2\r\n',
    'X y: 1\r\n',
    'X: a\0b\r\n',
  ]
  for (const headers of answers) {
    const answer = await raw(service, `POST ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`)
    assert.match(answer, /^HTTP\/1\.1 4(00|31) /, headers.slice(0, 60))
  }
  await isWell(service)
})

test('a thousand clients that send nothing more hold nobody up', async () => {
  await using service = await startTestService({ yaml })
  const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n`
  const slow: Socket[] = []
  for (let i = 0; i < 1000; i += 1) {
    const socket = connect(service.server.port ?? 0, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(i % 2 === 0 ? head : `${head}Content-Length: 100\r\n\r\n{"type"`)
    slow.push(socket)
  }
  await new Promise((resolve) => slow.at(-1)?.once('connect', resolve))
  const answer = await post(service, '{"image":"registry.test/a:1"}')
  assert.deepEqual([answer.status, answer.body], [200, '"Ok"\n'])
  await isWell(service)
  for (const socket of slow) socket.destroy()
})

test('names of this machine and its surroundings are of no configured registry, in any spelling', async () => {
  await using service = await startTestService({ yaml })
  const hosts = [
    'localhost',
    'localhost:2077',
    '127.0.0.1',
    '127.1',
    '2130706433.',
    '0x7f000001:80',
    '017700000001:80',
    '[::1]:5000',
    '[::ffff:169.254.169.254]:80',
    '[::ffff:a9fe:a9fe]:80',
    '169.254.169.254',
    '2852039166:80',
    '10.0.0.1',
    'metadata.google.internal',
    'registry.test.evil.test',
    'registry.test:1',
    'user@registry.test',
    'registry.test%00.evil.test',
    'registry.test#.evil.test',
    'registry.test\\.evil.test',
    'registry.test.',
  ]
  for (const host of hosts) {
    const { status } = await post(service, JSON.stringify({ image: `${host}/a:1` }))
    assert.ok(status === 403 || status === 400, `${host}: ${status}`)
  }
  assert.deepEqual(service.queue.list().tasks, [])
})

/** Sends bytes as they are and returns what comes back until the server closes. */
function raw(service: TestService, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(service.server.port ?? 0, '127.0.0.1')
    let text = ''
    socket.setEncoding('latin1').on('data', (piece: string) => (text += piece))
    // a server that closes while it is still written to resets the connection
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
    socket.write(bytes, 'latin1')
  })
}

test('a page that gave its own name our address gets nothing of an open service', async () => {
  const open = yaml
    .replace('port: 0', 'port: 0, allow_unauthenticated: true')
    .replace('{ webhook: { auth_header: header } }', '{}')
  await using service = await startTestService({ yaml: open })
  const order = (host: string): Promise<Answer> =>
    service.send({
      method: 'POST',
      path,
      headers: { host, 'content-type': 'application/json' },
      body: '{"image":"registry.test/app:1"}',
    })
  const led = await order('rebind.example:2077')
  assert.equal(led.status, 403)
  assert.match(led.body, /"HTTP_NAME_REFUSED".*rebind\.example:2077/)
  for (const read of [path, '/api/v1/status', '/api/v1/events']) {
    const answer = await service.send({ path: read, headers: { host: 'rebind.example' } })
    assert.equal(answer.status, 403, read)
  }
  assert.deepEqual(service.queue.list().tasks, [])
  // a registry beside it in Compose or Kubernetes
  assert.equal((await order('acceld:2077')).status, 200)
  assert.equal((await order('acceld.harbor.svc.cluster.local:2077')).status, 200)
  const probe = await service.send({
    path: '/api/v1/health/ready',
    headers: { host: 'lb.example' },
  })
  assert.equal(probe.status, 200)
})
