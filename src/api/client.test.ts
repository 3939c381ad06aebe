import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createNetServer, type AddressInfo, type Server } from 'node:net'
import { after, test } from 'node:test'
import { isAccelError, type ErrorCode } from '../errors/accel-error.ts'
import { createServiceClient, type ServiceClient } from './client.ts'

const open: Server[] = []
after(() => {
  for (const server of open) server.close()
})

async function portOf(server: Server): Promise<number> {
  open.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** A server that gives every request the same answer, and the client for it. */
async function answering(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  init: { authorization?: string } = {},
): Promise<ServiceClient> {
  const port = await portOf(createServer(answer))
  return createServiceClient({ address: `127.0.0.1:${port}`, ...init })
}

const fixed =
  (status: number, body: string) =>
  (_: IncomingMessage, response: ServerResponse): void =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(body)

const failure = (code: ErrorCode, message: RegExp) => (error: unknown) =>
  isAccelError(error, code) && message.test(error.message)

test('an order is the request that upstream’s accelctl sends', async () => {
  let seen: unknown
  const client = await answering(
    (request, response) => {
      const { method, url, headers } = request
      const pieces: Buffer[] = []
      request.on('data', (piece: Buffer) => pieces.push(piece))
      request.on('end', () => {
        const body = Buffer.concat(pieces).toString()
        const { authorization } = headers
        seen = { method, url, type: headers['content-type'], authorization, body }
        response.end('"Ok"\n')
      })
    },
    { authorization: 'Bearer one' },
  )
  await client.createTask('localhost/a:1', { sync: true })
  assert.deepEqual(seen, {
    method: 'POST',
    url: '/api/v1/conversions?sync=true',
    type: 'application/json',
    authorization: 'Bearer one',
    body: '{"type":"PUSH_ARTIFACT","event_data":{"resources":[{"resource_url":"localhost/a:1"}]}}',
  })
})

for (const status of [301, 404, 500, 502, 503, 504]) {
  test(`${status} with a page of a proxy is a failure`, async () => {
    const client = await answering(fixed(status, '<html>Bad Gateway</html>'))
    await assert.rejects(
      client.createTask('localhost/a:1', { sync: true }),
      failure('HTTP_SERVICE_PROXY', new RegExp(`answered ${status}, which is not an answer`)),
    )
    await assert.rejects(client.listTasks(), failure('HTTP_SERVICE_PROXY', /./))
  })
}

test('200 with something else than the service’s answer is a failure', async () => {
  for (const body of ['', '<html>login</html>', '"ok"', '{}']) {
    const client = await answering(fixed(200, body))
    await assert.rejects(client.createTask('localhost/a:1'), failure('HTTP_SERVICE_PROXY', /200/))
    await assert.rejects(client.listTasks(), failure('HTTP_SERVICE_PROXY', /200/))
  }
})

test('what the service says is said', async () => {
  const failed = await answering(fixed(500, '{"code":"ERR_CONVERT_FAILED","message":"no disk"}\n'))
  await assert.rejects(
    failed.createTask('localhost/a:1'),
    failure('HTTP_SERVICE_ANSWER', /^service response: no disk$/),
  )
  const refused = await answering(
    fixed(401, '{"code":"ERR_UNAUTHORIZED","message":"invalid auth config"}\n'),
  )
  await assert.rejects(
    refused.listTasks(),
    failure('HTTP_SERVICE_UNAUTHORIZED', /^service response: invalid auth config$/),
  )
})

test('a service that is not there is named with its address', async () => {
  const server = createNetServer()
  const port = await portOf(server)
  await new Promise((resolve) => server.close(resolve))
  const client = createServiceClient({ address: `127.0.0.1:${port}` })
  await assert.rejects(
    client.listTasks(),
    failure(
      'HTTP_SERVICE_UNREACHABLE',
      new RegExp(`^cannot reach the service at 127.0.0.1:${port}: ECONNREFUSED$`),
    ),
  )
  await assert.rejects(
    createServiceClient({ address: 'unix:///nowhere/a.sock' }).listTasks(),
    failure('HTTP_SERVICE_UNREACHABLE', /unix:\/\/\/nowhere\/a\.sock: ENOENT$/),
  )
  for (const address of ['', 'ht tp://x', ':2077']) {
    assert.throws(
      () => createServiceClient({ address }),
      failure('HTTP_SERVICE_UNREACHABLE', /that is no address$/),
    )
  }
})

test('a service that does not answer is given up, one that hangs up is named', async () => {
  const port = await portOf(createNetServer())
  const client = createServiceClient({ address: `127.0.0.1:${port}`, answerTimeoutMs: 20 })
  await assert.rejects(client.listTasks(), failure('HTTP_SERVICE_UNREACHABLE', /./))
  const hanging = await answering((request) => request.socket.destroy())
  await assert.rejects(hanging.listTasks(), failure('HTTP_SERVICE_UNREACHABLE', /ECONNRESET$/))
})

test('a user who ends the command is told of that alone', async () => {
  const controller = new AbortController()
  const client = await answering(() => controller.abort(new Error('enough')))
  await assert.rejects(
    client.createTask('localhost/a:1', { sync: true, signal: controller.signal }),
    /^Error: enough$/,
  )
})
