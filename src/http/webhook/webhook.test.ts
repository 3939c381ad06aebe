/** What Harbor sends, as it was recorded from Harbor 2.10 (names and digests replaced), and what is made of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunTask } from '../../tasks/queue.ts'
import { startTestService, type TestService } from '../../testing/service/http-service.ts'
import type { Answer } from '../../testing/service/send-request.ts'

const yaml = `server: { host: 127.0.0.1, port: 0 }
provider:
  source:
    harbor.example.test:
      auth: ${Buffer.from('robot$acceld:s3cret').toString('base64')}
      webhook: { auth_header: Bearer s3cret }
    localhost: { webhook: { auth_header: Bearer s3cret } }
converter: { worker: 1, driver: { type: estargz }, rules: [{ tag_suffix: -esgz }] }
`

const digest = `sha256:${'6b74aac3'.repeat(8)}`

const repository = {
  date_created: 1795218236,
  name: 'team/app',
  namespace: 'demo',
  repo_full_name: 'demo/team/app',
  repo_type: 'private',
}

function pushed(tag: string, operator = 'alice', of = digest) {
  const separator = tag.startsWith('sha256:') ? '@' : ':'
  const resource_url = `harbor.example.test/demo/team/app${separator}${tag}`
  return {
    type: 'PUSH_ARTIFACT',
    occur_at: 1795218339,
    operator,
    event_data: { resources: [{ digest: of, tag, resource_url }], repository },
  }
}

function cloudEvent(tag: string, operator = 'alice') {
  const { event_data } = pushed(tag)
  return {
    specversion: '1.0',
    id: '3166b3bf-3eed-4c84-bea0-35c117367d29',
    source: '/projects/2/webhook/policies/7',
    type: 'harbor.artifact.pushed',
    datacontenttype: 'application/json',
    time: '2026-11-20T23:45:39Z',
    data: event_data,
    requestid: 'b124e95e-56c5-45f7-88c1-f8fcc6fd5927',
    operator,
  }
}

function send(
  service: TestService,
  payload: object,
  { type = 'application/json', query = '' } = {},
): Promise<Answer> {
  const body = JSON.stringify(payload)
  return service.send({
    method: 'POST',
    path: `/api/v1/conversions${query}`,
    headers: {
      'User-Agent': 'Go-http-client/1.1',
      'Content-Length': String(Buffer.byteLength(body)),
      Authorization: 'Bearer s3cret',
      'Content-Type': type,
      'Accept-Encoding': 'gzip',
    },
    body,
  })
}

/** A run that never ends by itself. */
const pending: RunTask = () => new Promise(() => undefined)

const sources = (service: TestService) =>
  service.queue
    .list()
    .tasks.map(({ source, digest: known, lane }) => ({ source, digest: known, lane }))

test('a push in the format Default is converted by its digest', async () => {
  await using service = await startTestService({ yaml, run: pending })
  const answer = await send(service, pushed('v1.2.0'))
  assert.deepEqual([answer.status, answer.body], [200, '"Ok"\n'])
  assert.deepEqual(sources(service), [
    {
      source: 'harbor.example.test/demo/team/app:v1.2.0',
      digest,
      lane: 'harbor.example.test/demo/team/app:v1.2.0',
    },
  ])
})

test('a push in the format CloudEvents is the same', async () => {
  await using service = await startTestService({ yaml, run: pending })
  const answer = await send(service, cloudEvent('v1.2.0'), {
    type: 'application/cloudevents+json; charset=utf-8',
  })
  assert.deepEqual([answer.status, answer.body], [200, '"Ok"\n'])
  assert.equal(sources(service)[0]?.digest, digest)
})

test('a CloudEvent of another type does nothing', async () => {
  await using service = await startTestService({ yaml })
  const event = { ...cloudEvent('v1'), type: 'harbor.scan.completed' }
  const answer = await send(service, event, { type: 'application/cloudevents+json' })
  assert.deepEqual([answer.status, sources(service)], [200, []])
})

test('an event that is sent again while it is worked on is joined', async () => {
  await using service = await startTestService({ yaml, run: pending })
  for (let i = 0; i < 3; i += 1) await send(service, pushed('v1'))
  assert.equal(sources(service).length, 1)
})

test('a newer push of the same tag is a task of its own', async () => {
  await using service = await startTestService({ yaml, run: pending })
  await send(service, pushed('v1'))
  await send(service, pushed('v1', 'alice', `sha256:${'0'.repeat(64)}`))
  assert.equal(sources(service).length, 2)
})

test('a push by digest is left alone, in both spellings, and takes part only when it is asked for', async () => {
  await using service = await startTestService({ yaml, run: pending })
  const of2020 = pushed(digest)
  of2020.event_data.resources[0]!.resource_url = `harbor.example.test/demo/team/app:${digest}`
  for (const payload of [pushed(digest), of2020]) {
    const answer = await send(service, payload)
    assert.deepEqual([answer.status, answer.body], [200, '"Ok"\n'])
  }
  assert.deepEqual(sources(service), [])
  assert.match(service.lines.join(''), /is not converted: it was pushed by digest, without a tag/)
  await send(service, of2020, { query: '?untagged=true' })
  assert.deepEqual(sources(service), [
    {
      source: `harbor.example.test/demo/team/app@${digest}`,
      digest,
      lane: `harbor.example.test/demo/team/app:${digest}`,
    },
  ])
})

test('what the service itself pushed is left alone, unless the configuration says otherwise', async () => {
  await using service = await startTestService({ yaml, run: pending })
  await send(service, pushed('v1-esgz', 'robot$acceld'))
  assert.deepEqual(sources(service), [])
  await send(service, pushed('v1', 'robot$other'))
  assert.equal(sources(service).length, 1)
  const off = yaml.replace(
    '{ auth_header: Bearer s3cret }',
    '{ auth_header: Bearer s3cret, skip_own_pushes: false }',
  )
  await using all = await startTestService({ yaml: off, run: pending })
  await send(all, pushed('v1', 'robot$acceld'))
  assert.equal(sources(all).length, 1)
})

test('signatures and what else hangs on an image by its tag are left alone', async () => {
  await using service = await startTestService({ yaml, run: pending })
  const hex = 'ab'.repeat(32)
  for (const tag of [`sha256-${hex}.sig`, `sha256-${hex}.att`, `sha256-${hex}`]) {
    await send(service, pushed(tag))
  }
  assert.deepEqual(sources(service), [])
  await send(service, pushed('sha256-abc'))
  assert.equal(sources(service).length, 1)
})

test('a registry that is not configured is refused, and nothing of the request is converted', async () => {
  await using service = await startTestService({ yaml, run: pending })
  const payload = pushed('v1')
  payload.event_data.resources.push({ digest, tag: 'v1', resource_url: 'evil.example/a:v1' })
  const answer = await send(service, payload)
  assert.deepEqual(
    [answer.status, answer.body],
    [
      403,
      '{"code":"ERR_UNKNOWN_HOST","message":"registry \\"evil.example\\" is not configured"}\n',
    ],
  )
  assert.deepEqual(sources(service), [])
})

test('names without a host are of Docker Hub, which has to be configured like any other', async () => {
  await using service = await startTestService({ yaml, run: pending })
  const payload = pushed('v1')
  payload.event_data.resources[0]!.resource_url = 'nginx'
  assert.equal((await send(service, payload)).status, 403)
})

test('a digest that is none is refused', async () => {
  await using service = await startTestService({ yaml, run: pending })
  const answer = await send(service, pushed('v1', 'alice', 'sha256:short'))
  assert.deepEqual([answer.status, sources(service)], [400, []])
})

test('sync is what Go takes for a boolean; anything else is refused', async () => {
  await using service = await startTestService({ yaml })
  for (const query of ['?sync=true', '?sync=1', '?sync=T', '?sync=false', '?sync=', '?other=x']) {
    assert.equal((await send(service, pushed('v1'), { query })).status, 200, query)
  }
  for (const query of ['?sync=yes', '?sync=maybe', '?untagged=2']) {
    const { status, body } = await send(service, pushed('v1'), { query })
    assert.deepEqual(
      [status, (JSON.parse(body) as { code: string }).code],
      [400, 'ERR_ILLEGAL_PARAMETER'],
    )
  }
})

test('synchronous requests wait in the same queue: as many run at once as there are workers', async () => {
  let running = 0
  let most = 0
  const run: RunTask = async () => {
    running += 1
    most = Math.max(most, running)
    await new Promise((resolve) => setImmediate(resolve))
    running -= 1
    return { sourceSize: 0, targetSize: 0 }
  }
  await using service = await startTestService({ yaml, run })
  const answers = await Promise.all(
    ['a', 'b', 'c', 'd'].map((tag) => send(service, pushed(tag), { query: '?sync=true' })),
  )
  assert.deepEqual(
    answers.map((answer) => answer.status),
    [200, 200, 200, 200],
  )
  assert.equal(most, 1)
})

test('of several images all are converted, and the answer names those that failed', async () => {
  const run: RunTask = async (task) => {
    if (task.source.endsWith(':bad')) throw new Error('broken')
    return { sourceSize: 0, targetSize: 0 }
  }
  await using service = await startTestService({ yaml, run })
  const payload = pushed('bad')
  payload.event_data.resources.push(pushed('good').event_data.resources[0]!)
  const answer = await send(service, payload, { query: '?sync=true' })
  assert.equal(answer.status, 500)
  assert.match(answer.body, /"code":"ERR_CONVERT_FAILED","message":"[^"]*app:bad[^"]*broken"/)
  assert.doesNotMatch(answer.body, /app:good/)
  assert.deepEqual(
    service.queue.list().tasks.map((task) => task.state),
    ['completed', 'failed'],
  )
})

test('a client that goes away does not take the conversion with it', async () => {
  const end = Promise.withResolvers<void>()
  const started = Promise.withResolvers<AbortSignal>()
  const run: RunTask = async (_, { signal }) => {
    started.resolve(signal)
    await end.promise
    return { sourceSize: 0, targetSize: 0 }
  }
  await using service = await startTestService({ yaml, run })
  const body = JSON.stringify(pushed('v1'))
  const abort = new AbortController()
  const gone = fetch(`http://127.0.0.1:${service.server.port}/api/v1/conversions?sync=true`, {
    method: 'POST',
    headers: { authorization: 'Bearer s3cret', 'content-type': 'application/json' },
    body,
    signal: abort.signal,
  })
  const signal = await started.promise
  abort.abort()
  await assert.rejects(gone)
  // the server has seen the connection close when it answers on another one
  await service.send({ path: '/api/v1/health' })
  assert.equal(signal.aborted, false)
  const finished = Promise.withResolvers<void>()
  service.queue.subscribe((event) => event.type === 'finished' && finished.resolve())
  end.resolve()
  await finished.promise
  assert.equal(service.queue.list().tasks[0]?.state, 'completed')
})

test('the list shows the tasks of registries that the caller may use', async () => {
  const two = yaml.replace(
    'localhost: { webhook: { auth_header: Bearer s3cret } }',
    'localhost: { webhook: { auth_header: Bearer local } }',
  )
  await using service = await startTestService({ yaml: two, run: pending })
  await send(service, pushed('v1'))
  const list = async (headers: Record<string, string>): Promise<Answer> =>
    service.send({ path: '/api/v1/conversions', headers })
  assert.equal((await list({})).status, 401)
  assert.equal((await list({ authorization: 'wrong' })).status, 401)
  assert.equal((await list({ authorization: 'Bearer local' })).body, '[]\n')
  assert.match((await list({ authorization: 'Bearer s3cret' })).body, /app:v1/)
})

test('no secret is in the log, whatever is sent', async () => {
  await using service = await startTestService({ yaml })
  await send(service, { ...pushed('v1'), type: 'Bearer s3cret' })
  const payload = pushed('v1')
  payload.event_data.resources[0]!.resource_url = 'harbor.example.test/s3cret/Bearer s3cret'
  await send(service, payload)
  await service.send({ path: '/?token=s3cret&basic=cm9ib3QkYWNjZWxkOnMzY3JldA==' })
  assert.ok(service.lines.length > 4)
  assert.doesNotMatch(service.lines.join(''), /s3cret|OnMzY3JldA/)
})
