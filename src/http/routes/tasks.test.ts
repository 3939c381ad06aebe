/** What the API has beside upstream's routes: one task, lists with filters and pages, changes, answers with tasks. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WireAccepted, WireRecord, WireTask, WireTaskDetail } from '../../api/contract.ts'
import { AccelError } from '../../errors/accel-error.ts'
import { scriptRun } from '../../testing/scripted-run.ts'
import { startTestService, type TestService } from '../../testing/service/http-service.ts'
import type { Answer } from '../../testing/service/send-request.ts'
import { settled } from '../../testing/settled.ts'

const yaml = `server: { host: 127.0.0.1, port: 0, api_token: t0k3n }
provider:
  source:
    one.test: { webhook: { auth_header: Bearer one } }
    two.test:5000: { webhook: { auth_header: Bearer two } }
converter: { worker: 2, driver: { type: estargz }, rules: [{ tag_suffix: -esgz }] }
`

const all = { authorization: 'Bearer t0k3n' }
const one = { authorization: 'Bearer one' }

const api = (path: string): string => `/api/v1/conversions${path}`

/** Has images converted, and returns their tasks. */
async function order(service: TestService, ...images: string[]): Promise<WireTaskDetail[]> {
  const tasks: WireTaskDetail[] = []
  for (const image of images) {
    const answer = await service.send({
      method: 'POST',
      path: api(''),
      headers: { ...all, 'content-type': 'application/json', prefer: 'respond-async' },
      body: JSON.stringify({ image }),
    })
    assert.equal(answer.status, 202, answer.body)
    tasks.push(...(JSON.parse(answer.body) as WireAccepted).tasks)
  }
  return tasks
}

const get = (service: TestService, path: string, headers: Record<string, string> = all) =>
  service.send({ path: api(path), headers })

async function names(service: TestService, query: string, headers = all): Promise<string[]> {
  const { status, body } = await get(service, query, headers)
  assert.equal(status, 200, body)
  return (JSON.parse(body) as WireTask[]).map(({ source }) => source)
}

const failure = (answer: Answer): [number, string] => [
  answer.status,
  (JSON.parse(answer.body) as { code: string }).code,
]

test('with Prefer: respond-async the answer has the tasks, and what is not converted', async () => {
  const runs = scriptRun()
  await using service = await startTestService({ yaml, run: runs.run })
  const events = {
    type: 'PUSH_ARTIFACT',
    operator: 'alice',
    event_data: {
      resources: [
        { resource_url: 'one.test/a:1' },
        { resource_url: 'one.test/a:1' },
        { resource_url: `one.test/a@sha256:${'0'.repeat(64)}` },
      ],
    },
  }
  const answer = await service.send({
    method: 'POST',
    path: api('?sync=true'),
    headers: { ...all, 'content-type': 'application/json', prefer: 'wait=10, Respond-Async' },
    body: JSON.stringify(events),
  })
  assert.equal(answer.status, 202)
  assert.equal(answer.headers['preference-applied'], 'respond-async')
  const { tasks, skipped } = JSON.parse(answer.body) as WireAccepted
  assert.deepEqual(
    tasks.map(({ source, joined, registry }) => ({ source, joined, registry })),
    [
      { source: 'one.test/a:1', joined: undefined, registry: 'one.test' },
      { source: 'one.test/a:1', joined: true, registry: 'one.test' },
    ],
  )
  assert.equal(tasks[0]?.id, tasks[1]?.id)
  assert.deepEqual(skipped, [
    {
      image: `one.test/a@sha256:${'0'.repeat(64)}`,
      reason: 'it was pushed by digest, without a tag',
    },
  ])
})

test('one task says where it stands, and at the end what became of it', async () => {
  const runs = scriptRun()
  await using service = await startTestService({ yaml, run: runs.run })
  const [task] = await order(service, 'one.test/a:1')
  await settled()
  runs.init('one.test/a:1').progress({
    phase: 'convert',
    layers: 3,
    layersDone: 1,
    sourceBytes: 300,
    readBytes: 120,
    writtenBytes: 110,
    pushedBytes: 40,
  })
  const read = async (): Promise<WireTaskDetail> =>
    JSON.parse((await get(service, `/${task?.id}`)).body) as WireTaskDetail
  const running = await read()
  assert.deepEqual(
    [running.state, running.status, running.registry, running.attempts, running.progress],
    [
      'running',
      'PROCESSING',
      'one.test',
      1,
      {
        phase: 'convert',
        layers: 3,
        layers_done: 1,
        source_bytes: 300,
        read_bytes: 120,
        written_bytes: 110,
        pushed_bytes: 40,
      },
    ],
  )
  runs.end('one.test/a:1', { target: 'one.test/a:1-esgz' })
  await settled()
  const ended = await read()
  assert.deepEqual(
    [ended.state, ended.target, ended.source_size, ended.target_size],
    ['completed', 'one.test/a:1-esgz', 10, 12],
  )
  const { body } = await get(service, `/${task?.id}/events`)
  const types = (JSON.parse(body) as WireRecord[]).map(({ type }) => type)
  assert.deepEqual([types[0], types[1], types.at(-1)], ['queued', 'started', 'completed'])
})

test('a list is filtered by status, registry, name and time', async () => {
  const runs = scriptRun()
  await using service = await startTestService({ yaml, run: runs.run })
  await order(service, 'one.test/a:1', 'one.test/b:1', 'two.test:5000/a:1', 'one.test/c:1')
  await settled()
  runs.end('one.test/a:1')
  await settled()
  runs.fail('one.test/b:1', new AccelError('CONTENT_NOT_FOUND', { what: 'x', where: 'y' }))
  await settled()
  assert.deepEqual(await names(service, '?status=COMPLETED'), ['one.test/a:1'])
  assert.deepEqual(await names(service, '?status=failed'), ['one.test/b:1'])
  assert.deepEqual(await names(service, '?status=PROCESSING'), [
    'one.test/c:1',
    'two.test:5000/a:1',
  ])
  assert.deepEqual(await names(service, '?status=failed,COMPLETED'), [
    'one.test/b:1',
    'one.test/a:1',
  ])
  assert.deepEqual(await names(service, '?registry=TWO.test:5000'), ['two.test:5000/a:1'])
  assert.deepEqual(await names(service, '?registry=three.test'), [])
  assert.deepEqual(await names(service, '?source=/a'), ['two.test:5000/a:1', 'one.test/a:1'])
  assert.deepEqual(await names(service, '?since=2100-01-01T00:00:00Z'), [])
  assert.equal((await names(service, '?since=2020-01-01&unknown=x')).length, 4)
  for (const query of ['status=done', 'limit=0', 'limit=1001', 'limit=x', 'since=yesterday']) {
    const answer = await get(service, `?${query}`)
    assert.deepEqual(failure(answer), [400, 'ERR_ILLEGAL_PARAMETER'], query)
  }
})

test('pages follow each other by the Link header, filters included', async () => {
  await using service = await startTestService({ yaml, run: () => new Promise(() => undefined) })
  const images = Array.from({ length: 7 }, (_, i) => `one.test/a:${i}`)
  await order(service, ...images, 'two.test:5000/b:1')
  let path = api('?registry=one.test&limit=3')
  const seen: string[][] = []
  for (;;) {
    const answer = await service.send({ path, headers: all })
    seen.push((JSON.parse(answer.body) as WireTask[]).map(({ source }) => source))
    const link = answer.headers['link']
    if (link === undefined) break
    path = /^<(.+)>; rel="next"$/.exec(String(link))?.[1] ?? ''
  }
  assert.deepEqual(
    seen.map((page) => page.length),
    [3, 3, 1],
  )
  assert.deepEqual(seen.flat(), images.toReversed())
})

test('cancel, retry and delete do what they say, and refuse what does not fit', async () => {
  const runs = scriptRun()
  await using service = await startTestService({ yaml, run: runs.run })
  const [a] = await order(service, 'one.test/a:1')
  await settled()
  const change = (method: string, path: string): Promise<Answer> =>
    service.send({ method, path: api(path), headers: all })
  assert.deepEqual(failure(await change('DELETE', `/${a?.id}`)), [409, 'TASK_STATE'])
  const cancelled = await change('POST', `/${a?.id}/cancel`)
  assert.equal(cancelled.status, 200)
  const { state, status } = JSON.parse(cancelled.body) as WireTaskDetail
  assert.deepEqual([state, status], ['cancelled', 'FAILED'])
  assert.deepEqual(failure(await change('POST', `/${a?.id}/cancel`)), [409, 'TASK_STATE'])
  const again = await change('POST', `/${a?.id}/retry`)
  assert.equal((JSON.parse(again.body) as WireTaskDetail).state, 'waiting')
  await settled()
  assert.deepEqual(runs.started, ['one.test/a:1', 'one.test/a:1'])
  runs.end('one.test/a:1')
  await settled()
  assert.deepEqual(failure(await change('POST', `/${a?.id}/retry`)), [409, 'TASK_STATE'])
  const gone = await change('DELETE', `/${a?.id}`)
  assert.deepEqual([gone.status, gone.body], [204, ''])
  assert.deepEqual(failure(await get(service, `/${a?.id}`)), [404, 'TASK_NOT_FOUND'])
})

test('a caller sees and changes the tasks of its own registry alone', async () => {
  await using service = await startTestService({ yaml, run: () => new Promise(() => undefined) })
  const [mine, other] = await order(service, 'one.test/a:1', 'two.test:5000/b:1')
  assert.deepEqual(await names(service, '', one), ['one.test/a:1'])
  assert.deepEqual(await names(service, '?registry=two.test:5000', one), [])
  assert.equal((await get(service, `/${mine?.id}`, one)).status, 200)
  for (const [method, path] of [
    ['GET', `/${other?.id}`],
    ['GET', `/${other?.id}/events`],
    ['POST', `/${other?.id}/cancel`],
    ['POST', `/${other?.id}/retry`],
    ['DELETE', `/${other?.id}`],
  ] as const) {
    const answer = await service.send({ method, path: api(path), headers: one })
    assert.deepEqual(failure(answer), [404, 'TASK_NOT_FOUND'], `${method} ${path}`)
    for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
      const refused = await service.send({ method, path: api(path), headers })
      assert.deepEqual(failure(refused), [401, 'ERR_UNAUTHORIZED'])
    }
  }
  assert.equal(service.queue.get(other?.id ?? '').state, 'running')
  const streams = await service.send({ path: '/api/v1/events', headers: {} })
  assert.deepEqual(failure(streams), [401, 'ERR_UNAUTHORIZED'])
})

test('the id of a task may be anything, and finds nothing', async () => {
  await using service = await startTestService({ yaml })
  for (const id of ['x', '%00', '%2e%2e', "'%20OR%201=1", 'a'.repeat(4000), '%ff', 'é']) {
    const { status } = await get(service, `/${encodeURI(id)}`)
    assert.equal(status, 404, id)
  }
})
