/** The wire, byte for byte, as clients of goharbor/acceleration-service know it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AccelError } from '../errors/accel-error.ts'
import type { RunTask } from '../tasks/queue.ts'
import { startTestService, type TestService } from '../testing/service/http-service.ts'
import type { Answer } from '../testing/service/send-request.ts'

const yaml = `server: { host: 127.0.0.1, port: 0 }
metric: { enabled: true }
provider:
  source:
    192.168.1.1: { webhook: { auth_header: header } }
    harbor.example.test:8443: { auth: cm9ib3QkYWNjZWxkOnM=, webhook: { auth_header: "Bearer s3cret" } }
converter: { worker: 2, driver: { type: estargz }, rules: [{ tag_suffix: -esgz }] }
`

const json = { 'content-type': 'application/json', authorization: 'header' }

const push = (url: string): string =>
  JSON.stringify({
    type: 'PUSH_ARTIFACT',
    event_data: { resources: [{ resource_url: url }] },
  })

function post(service: TestService, body: string, headers: object = json): Promise<Answer> {
  return service.send({
    method: 'POST',
    path: '/api/v1/conversions',
    headers: headers as Record<string, string>,
    body,
  })
}

const nginx = '192.168.1.1/library/nginx:latest'
const illegal = (message: string): string =>
  `{"code":"ERR_ILLEGAL_PARAMETER","message":"${message}"}\n`

test('C-01, C-02: the body of the README is taken; the answer is "Ok" and a line end, 5 bytes of JSON', async () => {
  const sources: string[] = []
  await using service = await startTestService({
    yaml,
    run: async (task) => {
      sources.push(task.source)
      return { sourceSize: 1, targetSize: 2 }
    },
  })
  const body = `
{
    "type": "PUSH_ARTIFACT",
    "event_data": {
        "resources": [
            {
                "resource_url": "${nginx}"
            }
        ]
    }
}
`
  const answer = await post(service, body)
  assert.deepEqual([answer.status, answer.type, answer.body], [200, 'application/json', '"Ok"\n'])
  assert.deepEqual(sources, [nginx])
})

test('C-03: health is plain text without a line end', async () => {
  await using service = await startTestService({ yaml })
  const answer = await service.send({ path: '/api/v1/health' })
  assert.deepEqual(
    [answer.status, answer.type, answer.body],
    [200, 'text/plain; charset=UTF-8', 'Ok'],
  )
})

test('C-04, C-05: tasks are listed newest first, sizes as numbers, upstream’s members first', async () => {
  const end = Promise.withResolvers<void>()
  const run: RunTask = async (task) => {
    if (task.source.includes('slow')) await end.promise
    if (task.source.includes('bad')) {
      throw new AccelError('CONTENT_NOT_FOUND', { what: '<bad> & worse', where: 'the registry' })
    }
    return {
      sourceSize: 70_254_592,
      targetSize: 72_351_744,
      sourceDigest: 'sha256:aa',
      target: `${task.source}-esgz`,
      targetDigest: 'sha256:bb',
    }
  }
  await using service = await startTestService({ yaml, run })
  const list = async (): Promise<string> => {
    const { status, type, body } = await service.send({
      path: '/api/v1/conversions',
      headers: { authorization: 'header' },
    })
    assert.deepEqual([status, type], [200, 'application/json'])
    return body
  }
  assert.equal(await list(), '[]\n')
  for (const name of ['good', 'bad']) {
    await service.send({
      method: 'POST',
      path: '/api/v1/conversions?sync=true',
      headers: json,
      body: push(`192.168.1.1/${name}:1`),
    })
  }
  await post(service, push('192.168.1.1/slow:1'))
  const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'
  const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`
  const masked = (await list())
    .replaceAll(new RegExp(uuid, 'g'), 'UUID')
    .replaceAll(new RegExp(time, 'g'), 'TIME')
  assert.equal(
    masked,
    '[' +
      '{"id":"UUID","created":"TIME","finished":"0001-01-01T00:00:00Z","source":"192.168.1.1/slow:1","source_size":0,"target_size":0,"status":"PROCESSING","reason":"","state":"running","registry":"192.168.1.1","attempts":1,"started":"TIME"},' +
      '{"id":"UUID","created":"TIME","finished":"TIME","source":"192.168.1.1/bad:1","source_size":0,"target_size":0,"status":"FAILED","reason":"\\u003cbad\\u003e \\u0026 worse is not in the registry","state":"failed","registry":"192.168.1.1","attempts":1,"started":"TIME","code":"CONTENT_NOT_FOUND"},' +
      '{"id":"UUID","created":"TIME","finished":"TIME","source":"192.168.1.1/good:1","source_size":70254592,"target_size":72351744,"status":"COMPLETED","reason":"","state":"completed","registry":"192.168.1.1","attempts":1,"started":"TIME","source_digest":"sha256:aa","target":"192.168.1.1/good:1-esgz","target_digest":"sha256:bb"}' +
      ']\n',
  )
  end.resolve()
})

test('C-06: what cannot be read is refused, without a trace of what it was', async () => {
  await using service = await startTestService({ yaml })
  const bodies = [
    'nonsense',
    '',
    '[]',
    'null',
    '{}',
    '{"type":1}',
    '{"type":"PUSH_ARTIFACT"}',
    '{"type":"PUSH_ARTIFACT","event_data":null}',
    '{"type":"PUSH_ARTIFACT","event_data":{}}',
    '{"type":"PUSH_ARTIFACT","event_data":{"resources":[]}}',
    '{"type":"PUSH_ARTIFACT","event_data":{"resources":[null]}}',
    '{"type":"PUSH_ARTIFACT","event_data":{"resources":[{}]}}',
    '{"type":"PUSH_ARTIFACT","event_data":{"resources":[{"resource_url":7}]}}',
    '{"type":"PUSH_ARTIFACT","event_data":{"resources":{"resource_url":"a"}}}',
    `${push(nginx)} trailing`,
  ]
  for (const body of bodies) {
    const answer = await post(service, body)
    assert.deepEqual(
      [answer.status, answer.type, answer.body],
      [400, 'application/json', illegal('invalid webhook payload')],
      body,
    )
  }
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', undefined]) {
    const headers = { authorization: 'header', ...(type && { 'content-type': type }) }
    const answer = await post(service, push(nginx), headers)
    assert.deepEqual([answer.status, answer.body], [400, illegal('invalid webhook payload')])
  }
  for (const url of [
    'http://192.168.1.1/a:1',
    '192.168.1.1/UPPER:1',
    '192.168.1.1/a:bad tag',
    ' ',
  ]) {
    const answer = await post(service, push(url))
    assert.deepEqual(
      [answer.status, answer.body],
      [400, illegal('failed to parse resource url')],
      url,
    )
  }
  assert.deepEqual(service.queue.list().tasks, [])
})

test('C-06: a charset behind the content type is no reason to refuse', async () => {
  await using service = await startTestService({ yaml })
  const headers = { ...json, 'content-type': 'Application/JSON; charset=utf-8' }
  assert.equal((await post(service, push(nginx), headers)).status, 200)
})

test('C-07: a wrong header is refused, and so is a missing one', async () => {
  await using service = await startTestService({ yaml })
  for (const authorization of ['wrong', 'Header', 'Bearer header', '']) {
    const answer = await post(service, push(nginx), { ...json, authorization })
    assert.deepEqual(
      [answer.status, answer.type, answer.body],
      [401, 'application/json', '{"code":"ERR_UNAUTHORIZED","message":"invalid auth config"}\n'],
    )
  }
  const answer = await post(service, push(nginx), { 'content-type': 'application/json' })
  assert.equal(answer.status, 401)
  assert.deepEqual(service.queue.list().tasks, [])
})

test('C-08: a synchronous conversion that fails says why', async () => {
  await using service = await startTestService({
    yaml,
    run: () => Promise.reject(new AccelError('CONTENT_NOT_FOUND', { what: 'a', where: 'b' })),
  })
  const answer = await service.send({
    method: 'POST',
    path: '/api/v1/conversions?sync=true',
    headers: json,
    body: push(nginx),
  })
  assert.deepEqual(
    [answer.status, answer.type, answer.body],
    [500, 'application/json', '{"code":"ERR_CONVERT_FAILED","message":"a is not in b"}\n'],
  )
})

test('C-09: a service that cannot work says so', async () => {
  await using service = await startTestService({
    yaml,
    health: () => Promise.reject(new Error('work directory is full')),
  })
  const answer = await service.send({ path: '/api/v1/health' })
  assert.deepEqual(
    [answer.status, answer.type, answer.body],
    [500, 'application/json', '{"code":"ERR_UNHEALTHY","message":"work directory is full"}\n'],
  )
})

test('C-10: any other path or method is no endpoint', async () => {
  await using service = await startTestService({ yaml })
  const others: [method: string, path: string][] = [
    ['GET', '/index.html'],
    ['POST', '/'],
    ['GET', '/api/v1/conversions/'],
    ['GET', '/api/v2/conversions'],
    ['PUT', '/api/v1/conversions'],
    ['DELETE', '/api/v1/conversions'],
    ['POST', '/api/v1/health'],
    ['OPTIONS', '/api/v1/health'],
  ]
  for (const [method, path] of others) {
    const answer = await service.send({ method, path })
    assert.deepEqual(
      [answer.status, answer.type, answer.body],
      [404, 'application/json', '{"code":"ERR_INVALID_ENDPOINT","message":"Endpoint not found"}\n'],
      `${method} ${path}`,
    )
  }
  assert.equal((await service.send({ method: 'HEAD', path: '/api/v1/health' })).status, 404)
})

test('C-11: other events of Harbor are taken, and nothing is done', async () => {
  await using service = await startTestService({ yaml })
  for (const type of ['PULL_ARTIFACT', 'SCANNING_COMPLETED', 'harbor.artifact.pushed']) {
    const answer = await post(service, JSON.stringify({ type, event_data: {} }), {
      'content-type': 'application/json',
    })
    assert.deepEqual([answer.status, answer.body], [200, '"Ok"\n'])
  }
  assert.deepEqual(service.queue.list().tasks, [])
  assert.match(service.lines.join(''), /level=warning msg="unsupported payload type PULL_ARTIFACT/)
})

test('C-12: the header is compared to the letter, by the host with its port', async () => {
  await using service = await startTestService({ yaml })
  const statusFor = async (host: string, authorization: string): Promise<number> =>
    (await post(service, push(`${host}/a:1`), { ...json, authorization })).status
  assert.equal(await statusFor('harbor.example.test:8443', 'Bearer s3cret'), 200)
  assert.equal(await statusFor('harbor.example.test:8443', 's3cret'), 401)
  assert.equal(await statusFor('harbor.example.test:8443', 'header'), 401)
  assert.equal(await statusFor('192.168.1.1', 'Bearer s3cret'), 401)
})

test('C-13: why there was nothing to convert is the reason of a completed task', async () => {
  await using service = await startTestService({
    yaml,
    run: async () => ({ sourceSize: 0, targetSize: 0, skipped: 'it was converted already' }),
  })
  await post(service, push(nginx))
  const { body } = await service.send({ path: '/api/v1/conversions', headers: json })
  const [task] = JSON.parse(body) as Record<string, unknown>[]
  assert.deepEqual(
    [task?.['status'], task?.['reason'], task?.['skipped']],
    ['COMPLETED', 'it was converted already', true],
  )
})

test('C-14, C-60, C-62: metrics are served if they are enabled, and only then', async () => {
  await using service = await startTestService({ yaml })
  await post(service, push(nginx))
  const { status, type, body } = await service.send({ path: '/metrics' })
  assert.equal(status, 200)
  assert.match(type ?? '', /^text\/plain; version=0\.0\.4/)
  assert.match(
    body,
    /^acceleration_service_api_requests_total\{code="200",method="POST",host="127\.0\.0\.1:\d+",url="\/api\/v1\/conversions"\} 1$/m,
  )
  assert.doesNotMatch(body, /url="\/metrics"/)
  await using without = await startTestService({ yaml: yaml.replace('enabled: true', '') })
  assert.equal((await without.send({ path: '/metrics' })).status, 404)
})

test('C-50: the lines of the log', async () => {
  await using service = await startTestService({ yaml })
  const body = push(nginx)
  await service.send({
    method: 'POST',
    path: '/api/v1/conversions?sync=false',
    headers: { ...json, 'content-length': String(body.length) },
    body,
  })
  await service.send({ path: '/metrics' })
  await service.server.stop({ deadlineMs: 0 })
  const { port } = service.server
  const messages = service.lines.map((line) => line.replace(/^time="[^"]+" /, '').trimEnd())
  assert.equal(messages[0], `level=info msg="[API] HTTP server started on 127.0.0.1:${port}"`)
  assert.match(
    messages[1] ?? '',
    /^level=info msg="received webhook request from 127\.0\.0\.1:\d+" module=api$/,
  )
  assert.match(
    messages[2] ?? '',
    new RegExp(
      `^level=info msg="POST /api/v1/conversions\\?sync=false 200 [0-9.]+(µs|ms) ${body.length}>5bytes 127\\.0\\.0\\.1" module=api$`,
    ),
  )
  assert.equal(messages[3], 'level=info msg="[API] gracefully shutting down http server..."')
  assert.equal(messages.length, 4)
})
