import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parseConfig } from '../config/load.ts'
import { isAccelError } from '../errors/accel-error.ts'
import { createLog } from '../log/log.ts'
import { startTestService, type TestService } from '../testing/service/http-service.ts'
import { MAX_BODY_SIZE } from './request-body.ts'
import { listen } from './server.ts'

const folder = mkdtempSync(join(tmpdir(), 'http-'))
after(() => rmSync(folder, { recursive: true }))

const rest = `provider: { source: { localhost: { webhook: { auth_header: header } } } }
converter: { driver: { type: estargz }, rules: [{ tag_suffix: -esgz }] }
`
const tcp = `server: { host: 127.0.0.1, port: 0 }\n${rest}`
const unix = (path: string): string => `server: { uds: ${path} }\n${rest}`

const push = JSON.stringify({
  type: 'PUSH_ARTIFACT',
  event_data: { resources: [{ resource_url: 'localhost/a:1' }] },
})
const headers = { 'content-type': 'application/json', authorization: 'header' }

test('a Unix domain socket takes requests without a header, and its lines say so', async () => {
  const path = join(folder, 'a.sock')
  await using service = await startTestService({ yaml: unix(path) })
  const answer = await service.send({
    method: 'POST',
    path: '/api/v1/conversions',
    headers: { 'content-type': 'application/json' },
    body: push,
  })
  assert.deepEqual([answer.status, answer.body], [200, '"Ok"\n'])
  assert.match(service.lines[0] ?? '', new RegExp(`HTTP server started on ${path}"`))
  assert.match(service.lines[1] ?? '', /received webhook request from unix"/)
  assert.match(service.lines.at(-1) ?? '', />5bytes unix" module=api$/m)
})

test('a socket that a dead process left is replaced', async () => {
  const path = join(folder, 'stale.sock')
  // a process that is killed leaves its socket behind
  const { spawnSync } = await import('node:child_process')
  const left = spawnSync(process.execPath, [
    '-e',
    `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
  ])
  assert.equal(left.signal, 'SIGKILL')
  assert.ok(existsSync(path))
  await using service = await startTestService({ yaml: unix(path) })
  assert.equal((await service.send({ path: '/api/v1/health' })).body, 'Ok')
})

test('a socket in use and a file that is no socket are not touched', async () => {
  const busy = join(folder, 'busy.sock')
  const other = createServer().listen(busy)
  await new Promise((resolve) => other.once('listening', resolve))
  const refused = (problem: RegExp) => (error: unknown) =>
    isAccelError(error, 'HTTP_LISTEN_FAILED') && problem.test(error.message)
  await assert.rejects(startTestService({ yaml: unix(busy) }), refused(/EADDRINUSE/))
  assert.ok(existsSync(busy))
  other.close()
  const precious = join(folder, 'precious')
  writeFileSync(precious, 'data')
  await assert.rejects(startTestService({ yaml: unix(precious) }), refused(/not a socket/))
  assert.equal(readFileSync(precious, 'utf8'), 'data')
})

test('a port that is taken is named in the error', async () => {
  await using service = await startTestService({ yaml: tcp })
  const again = tcp.replace('port: 0', `port: ${service.server.port}`)
  await assert.rejects(
    startTestService({ yaml: again }),
    (error) =>
      isAccelError(error, 'HTTP_LISTEN_FAILED') &&
      error.message === `cannot listen on 127.0.0.1:${service.server.port}: EADDRINUSE`,
  )
})

test('a body above the limit is refused, declared or not', async () => {
  await using service = await startTestService({ yaml: tcp })
  const refusal = `{"code":"ERR_ILLEGAL_PARAMETER","message":"the request body has more than ${MAX_BODY_SIZE} bytes"}\n`
  const path = '/api/v1/conversions'
  const declared = await startRequest(service, {
    method: 'POST',
    path,
    headers: { ...headers, 'content-length': String(MAX_BODY_SIZE + 1) },
  })
  assert.deepEqual([declared.response.statusCode, declared.body], [413, refusal])
  const streamed = await service.send({
    method: 'POST',
    path,
    headers: { ...headers, 'transfer-encoding': 'chunked' },
    body: 'x'.repeat(MAX_BODY_SIZE + 1),
  })
  assert.deepEqual([streamed.status, streamed.body], [413, refusal])
  const largest = await service.send({
    method: 'POST',
    path,
    headers,
    body: push.padEnd(MAX_BODY_SIZE),
  })
  assert.equal(largest.status, 200)
})

test('a broken request harms nobody', async () => {
  await using service = await startTestService({ yaml: tcp })
  for (const bytes of ['GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 'nonsense\r\n\r\n', '\x16\x03\x01']) {
    const answer = await raw(service, bytes)
    assert.match(answer, /^(HTTP\/1\.1 4\d\d |$)/)
  }
  assert.equal((await service.send({ path: '/api/v1/health' })).status, 200)
})

test('a client that is slow with its head or its body is cut off', async () => {
  const { config } = parseConfig(tcp, 'config.yaml')
  const handler = async (request: Request): Promise<Response> => new Response(await request.text())
  const limits = { headersTimeout: 20, requestTimeout: 40, connectionsCheckingInterval: 5 }
  const log = createLog({ write: () => undefined })
  const server = await listen(handler, config.server, { log }, limits)
  const slow = [
    'POST / HTTP/1.1\r\nHost: a\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab',
  ]
  for (const bytes of slow) {
    const socket = connect(server.port ?? 0, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(bytes)
    await new Promise((resolve) => socket.once('close', resolve).resume())
  }
  await server.stop({ deadlineMs: 0 })
})

test('stopping answers what is under way and closes connections that are kept alive', async () => {
  const end = Promise.withResolvers<void>()
  const started = Promise.withResolvers<void>()
  await using service = await startTestService({
    yaml: tcp,
    run: async () => {
      started.resolve()
      await end.promise
      return { sourceSize: 0, targetSize: 0 }
    },
  })
  const agent = new Agent({ keepAlive: true })
  const waiting = startRequest(service, {
    method: 'POST',
    path: '/api/v1/conversions?sync=true',
    headers,
    agent,
    body: push,
  })
  await started.promise
  const stopped = service.server.stop({ deadlineMs: 60_000 })
  await assert.rejects(raw(service, ''), /ECONNREFUSED/)
  end.resolve()
  assert.equal((await waiting).body, '"Ok"\n')
  await stopped
  agent.destroy()
})

test('stopping cuts off what does not end in time', async () => {
  const started = Promise.withResolvers<void>()
  await using service = await startTestService({
    yaml: tcp,
    run: () => {
      started.resolve()
      return new Promise(() => undefined)
    },
  })
  const cut = assert.rejects(
    service.send({ method: 'POST', path: '/api/v1/conversions?sync=true', headers, body: push }),
    /socket hang up|ECONNRESET/,
  )
  await started.promise
  await service.server.stop({ deadlineMs: 1 })
  await cut
})

interface Started {
  response: IncomingMessage
  body: string
}

/** Sends a request as node:http options say and reads the answer. */
function startRequest(
  service: TestService,
  { body, ...options }: { body?: string; [option: string]: unknown },
): Promise<Started> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ ...service.where, host: '127.0.0.1', ...options }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      response.on('end', () => {
        request.destroy()
        resolve({ response, body: text })
      })
    })
    request.on('error', reject)
    if (body === undefined) request.flushHeaders()
    else request.end(body)
  })
}

/** Sends bytes as they are and returns what comes back until the server closes. */
function raw(service: TestService, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(service.server.port ?? 0, '127.0.0.1')
    let text = ''
    socket.setEncoding('latin1').on('data', (piece: string) => (text += piece))
    socket.on('error', reject)
    socket.on('close', () => resolve(text))
    socket.end(bytes, 'latin1')
  })
}
