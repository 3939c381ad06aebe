/** The dialects other than Harbor's, from recorded requests; test/fixtures/webhooks says where they come from. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { RunTask } from '../../tasks/queue.ts'
import { startTestService, type TestService } from '../../testing/service/http-service.ts'
import type { Answer } from '../../testing/service/send-request.ts'

const yaml = `server: { host: 127.0.0.1, port: 0, api_token: t0k3n }
provider:
  source:
    registry.example.test:5000: { webhook: { auth_header: Bearer s3cret } }
    other.example.test: { webhook: { auth_header: Bearer other } }
converter: { worker: 1, driver: { type: estargz }, rules: [{ tag_suffix: -esgz }] }
`

interface Recorded {
  headers: Record<string, string>
  body: string
}

function recorded(name: string): Recorded[] {
  const file = join(import.meta.dirname, '../../../test/fixtures/webhooks', name)
  return JSON.parse(readFileSync(file, 'utf8')) as Recorded[]
}

const distribution = recorded('distribution-2.8.2.json')
const zot = recorded('zot-2.json')

/** A run that never ends by itself. */
const pending: RunTask = () => new Promise(() => undefined)

function send(
  service: TestService,
  { headers, body }: Recorded,
  init: { query?: string; authorization?: string } = {},
): Promise<Answer> {
  const authorization = init.authorization ?? headers['Authorization'] ?? ''
  return service.send({
    method: 'POST',
    path: `/api/v1/conversions${init.query ?? ''}`,
    headers: { ...headers, Authorization: authorization },
    body,
  })
}

const taken = (service: TestService) =>
  service.queue.list().tasks.map(({ source, digest }) => ({ source, digest }))

/** One request with the events of all. */
function together(requests: readonly Recorded[]): Recorded {
  const events = requests.flatMap(({ body }) => (JSON.parse(body) as { events: object[] }).events)
  return { headers: requests[0]!.headers, body: JSON.stringify({ events }) }
}

const index = 'sha256:9e4d9d3cad73437dc7dc7be06e1522371601e87d1c5437841907e9a144ea3cf7'

test('Distribution: of all it tells about the push of an index, one image is converted', async () => {
  await using service = await startTestService({ yaml, run: pending })
  for (const request of distribution) {
    const answer = await send(service, request)
    assert.deepEqual([answer.status, answer.body], [200, '"Ok"\n'])
  }
  assert.deepEqual(taken(service), [
    { source: 'registry.example.test:5000/demo/team/app:v1', digest: index },
  ])
  const said = service.lines.join('')
  assert.match(said, /unsupported payload type push of a blob, nothing is converted/)
  assert.match(said, /unsupported payload type pull, nothing is converted/)
  assert.match(said, /is not converted: it was pushed by digest, without a tag/)
})

test('Distribution: several events of one envelope are several tasks', async () => {
  await using service = await startTestService({ yaml, run: pending })
  const twice = together(distribution)
  twice.body = twice.body.replace(/"events":\[/, (start) => `${start}${tagged('v2')},`)
  assert.equal((await send(service, twice)).status, 200)
  assert.deepEqual(
    taken(service).map(({ source }) => source),
    ['registry.example.test:5000/demo/team/app:v1', 'registry.example.test:5000/demo/team/app:v2'],
  )
})

test('Distribution: both versions of the content type, with a charset', async () => {
  await using service = await startTestService({ yaml, run: pending })
  for (const [version, tag] of [
    ['v1', 'a'],
    ['v2', 'b'],
  ] as const) {
    const headers = {
      'Content-Type': `application/vnd.docker.distribution.events.${version}+json; charset=utf-8`,
      Authorization: 'Bearer s3cret',
    }
    await send(service, { headers, body: `{"events":[${tagged(tag)}]}` })
  }
  assert.equal(taken(service).length, 2)
})

test('Distribution: what cannot be used is passed over, for the registry would send it for ever', async () => {
  await using service = await startTestService({ yaml, run: pending })
  const headers = distribution[0]!.headers
  const events = [
    tagged('v1', { request: { host: 'localhost:5000' } }),
    tagged('v1', { request: { host: 'other.example.test' } }),
    tagged('v1', { target: { repository: 'UPPER' } }),
    tagged('v3'),
  ]
  const answer = await send(service, { headers, body: `{"events":[${events.join()}]}` })
  assert.deepEqual([answer.status, answer.body], [200, '"Ok"\n'])
  assert.deepEqual(
    taken(service).map(({ source }) => source),
    ['registry.example.test:5000/demo/team/app:v3'],
  )
  assert.match(
    service.lines.join(''),
    /an event is passed over: localhost:5000\/demo\/team\/app:v1/,
  )
  const refused = await send(
    service,
    { headers, body: `{"events":[${tagged('v4')}]}` },
    { authorization: 'Bearer wrong' },
  )
  assert.equal(refused.status, 401)
})

test('Distribution: the address may say which registry it is', async () => {
  await using service = await startTestService({ yaml, run: pending })
  const headers = distribution[0]!.headers
  const body = `{"events":[${tagged('v1', { request: { host: '10.0.0.9:5000' } })}]}`
  await send(service, { headers, body }, { query: '?registry=registry.example.test:5000' })
  assert.equal(taken(service)[0]?.source, 'registry.example.test:5000/demo/team/app:v1')
  for (const query of ['?registry=https://a', '?registry=a%20b', '?registry=']) {
    assert.equal((await send(service, { headers, body }, { query })).status, 400, query)
  }
})

test('zot: an image by tag is converted, of the registry for which the header speaks', async () => {
  await using service = await startTestService({ yaml, run: pending })
  for (const request of zot) assert.equal((await send(service, request)).status, 200)
  assert.deepEqual(taken(service), [
    {
      source: 'registry.example.test:5000/demo/team/app:v1.2.0',
      digest: `sha256:${'6b74aac3'.repeat(8)}`,
    },
  ])
  assert.match(
    service.lines.join(''),
    /unsupported payload type zotregistry\.repository\.created, nothing is converted/,
  )
})

test('zot: with a token for all registries the address has to name one', async () => {
  await using service = await startTestService({ yaml, run: pending })
  const authorization = 'Bearer t0k3n'
  const unnamed = await send(service, zot[1]!, { authorization })
  assert.deepEqual(
    [unnamed.status, unnamed.body],
    [
      400,
      '{"code":"ERR_ILLEGAL_PARAMETER","message":"the event does not say on which registry \\"demo/team/app\\" is"}\n',
    ],
  )
  const query = '?registry=other.example.test'
  assert.equal((await send(service, zot[1]!, { authorization, query })).status, 200)
  assert.equal(taken(service)[0]?.source, 'other.example.test/demo/team/app:v1.2.0')
})

test('zot: the structured mode of CloudEvents is the same', async () => {
  await using service = await startTestService({ yaml, run: pending })
  const { headers, body } = zot[1]!
  const event = {
    specversion: '1.0',
    id: headers['Ce-Id'],
    type: headers['Ce-Type'],
    source: headers['Ce-Source'],
    data: JSON.parse(body) as object,
  }
  const answer = await send(service, {
    headers: {
      Authorization: 'Bearer s3cret',
      'Content-Type': 'application/cloudevents+json; charset=UTF-8',
    },
    body: JSON.stringify(event),
  })
  assert.equal(answer.status, 200)
  assert.equal(taken(service).length, 1)
})

test('a person names an image, with its digest or without', async () => {
  await using service = await startTestService({ yaml, run: pending })
  const headers = { Authorization: 'Bearer s3cret', 'Content-Type': 'application/json' }
  const image = 'registry.example.test:5000/a:1'
  const digest = `sha256:${'0'.repeat(64)}`
  assert.equal((await send(service, { headers, body: JSON.stringify({ image }) })).status, 200)
  const both = JSON.stringify({ image: 'registry.example.test:5000/b:1', digest })
  assert.equal((await send(service, { headers, body: both })).status, 200)
  assert.deepEqual(taken(service), [
    { source: 'registry.example.test:5000/b:1', digest },
    { source: image, digest: undefined },
  ])
  for (const body of [
    '{"image":7}',
    '{"image":""}',
    '{"image":"a","digest":1}',
    '{"images":["a"]}',
  ]) {
    assert.equal((await send(service, { headers, body })).status, 400, body)
  }
})

test('no spelling reaches a file: what looks like one is a repository of Docker Hub', async () => {
  const hub = yaml.replace(
    'other.example.test: {',
    'docker.io: { webhook: { auth_header: Bearer hub } }\n    other.example.test: {',
  )
  await using service = await startTestService({ yaml: hub, run: pending })
  const headers = { Authorization: 'Bearer t0k3n', 'Content-Type': 'application/json' }
  const ask = (image: string): Promise<Answer> =>
    send(service, { headers, body: JSON.stringify({ image }) })
  for (const image of ['oci:name', 'oci-archive:a', 'docker-archive:a', 'oci:name@' + index]) {
    assert.equal((await ask(image)).status, 200, image)
  }
  assert.deepEqual(
    taken(service).map(({ source }) => source),
    [
      `docker.io/library/oci:name@${index}`,
      'docker.io/library/docker-archive:a',
      'docker.io/library/oci-archive:a',
      'docker.io/library/oci:name',
    ],
  )
  for (const image of [
    'oci:/etc',
    'oci:./a',
    'oci:../a:1',
    '/etc/passwd',
    'file:///a',
    'oci:a:b',
  ]) {
    assert.ok([400, 403].includes((await ask(image)).status), image)
  }
  assert.equal(taken(service).length, 4)
})

/** The event of a tagged push, with members replaced. */
function tagged(tag: string, changes: { target?: object; request?: object } = {}): string {
  const event = (JSON.parse(distribution[8]!.body) as { events: Record<string, object>[] })
    .events[0]!
  return JSON.stringify({
    ...event,
    target: { ...event['target'], tag, ...changes.target },
    request: { ...event['request'], ...changes.request },
  })
}
