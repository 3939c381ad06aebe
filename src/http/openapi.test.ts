/** The document says what the service does: it is made from the table of routes, and answers fit its schemas. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { WireTaskDetail } from '../api/contract.ts'
import { operations, type Operation } from '../api/operations.ts'
import { AccelError } from '../errors/accel-error.ts'
import type { TaskReport } from '../tasks/task.ts'
import { scriptRun } from '../testing/scripted-run.ts'
import { startTestService, type TestService } from '../testing/service/http-service.ts'
import { settled } from '../testing/settled.ts'

const yaml = `server: { host: 127.0.0.1, port: 0, api_token: t0k3n }
metric: { enabled: true }
provider: { source: { one.test: {} } }
converter: { worker: 2, driver: { type: estargz }, rules: [{ tag_suffix: -esgz }] }
`

interface Document {
  openapi: string
  paths: Record<string, Record<string, { operationId: string; parameters?: { name: string }[] }>>
  components: { schemas: Record<string, object> }
}

async function documentOf(service: TestService): Promise<Document> {
  const { status, type, body } = await service.send({ path: '/api/v1/openapi.json' })
  assert.deepEqual([status, type], [200, 'application/json'])
  return JSON.parse(body) as Document
}

/** Throws when `body` does not fit the schema `name` of `document`, or has a member that the schema does not know. */
function validator(document: Document): (name: string, body: unknown) => void {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false })
  const strict = JSON.parse(JSON.stringify(document.components.schemas), (_, value: unknown) =>
    typeof value === 'object' && value !== null && 'properties' in value
      ? { ...value, additionalProperties: false }
      : value,
  ) as object
  ajv.addSchema({ $id: 'document', components: { schemas: strict } })
  return (name, body) => {
    const validate = ajv.getSchema(`document#/components/schemas/${name}`)
    assert.ok(validate, name)
    assert.ok(validate(body), `${name}: ${JSON.stringify(validate.errors)}`)
  }
}

test('the document has every route, with the parameters of its path, and no reference leads nowhere', async () => {
  await using service = await startTestService({ yaml })
  const document = await documentOf(service)
  assert.match(document.openapi, /^3\.1\./)
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, parameters = [] }]) => {
      const named = parameters.map(({ name }) => name)
      for (const [, name = ''] of path.matchAll(/\{(\w+)\}/g)) assert.ok(named.includes(name))
      return `${method.toUpperCase()} ${path} ${operationId}`
    }),
  )
  const routed = Object.entries<Operation>(operations).map(
    ([id, { method, path }]) => `${method} ${path} ${id}`,
  )
  assert.deepEqual(documented.toSorted(), routed.toSorted())
  const names = Object.keys(document.components.schemas)
  for (const [, name = ''] of JSON.stringify(document).matchAll(
    /"#\/components\/schemas\/(\w+)"/g,
  )) {
    assert.ok(names.includes(name), name)
  }
})

test('every route of the document answers, and none without authorization that needs one', async () => {
  await using service = await startTestService({ yaml })
  for (const { method, path, open } of Object.values<Operation>(operations)) {
    const { status, body } = await service.send({
      method,
      path: path.replace('{id}', 'x'),
      ...(method === 'POST' && !path.includes('{id}')
        ? { headers: { 'content-type': 'application/json' }, body: '{"image":"one.test/a"}' }
        : {}),
    })
    assert.notEqual(
      (JSON.parse(`[${body.startsWith('{') ? body : '{}'}]`) as [{ code?: string }])[0].code,
      'ERR_INVALID_ENDPOINT',
      path,
    )
    assert.equal(status, open ? 200 : 401, `${method} ${path}`)
  }
})

test('what is answered fits the schemas, member by member', async () => {
  const runs = scriptRun()
  await using service = await startTestService({ yaml, run: runs.run })
  const fits = validator(await documentOf(service))
  const headers = { authorization: 'Bearer t0k3n' }
  const answered = async (name: string, path: string): Promise<unknown> => {
    const { body } = await service.send({ path: `/api/v1/conversions${path}`, headers })
    const value: unknown = JSON.parse(body)
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) fits(name, one)
    return value
  }
  const images = ['one.test/a:1', 'one.test/b:1', `one.test/c@sha256:${'0'.repeat(64)}`]
  const { body } = await service.send({
    method: 'POST',
    path: '/api/v1/conversions',
    headers: { ...headers, 'content-type': 'application/json', prefer: 'respond-async' },
    body: JSON.stringify({
      type: 'PUSH_ARTIFACT',
      operator: 'alice',
      event_data: { resources: images.map((image) => ({ resource_url: image })) },
    }),
  })
  fits('Accepted', JSON.parse(body))
  await settled()
  runs.init('one.test/a:1').progress({
    phase: 'pull',
    layers: 1,
    layersDone: 0,
    sourceBytes: 1,
    readBytes: 1,
    writtenBytes: 1,
    pushedBytes: 1,
    each: [
      {
        platform: 'linux/amd64',
        index: 1,
        digest: `sha256:${'2'.repeat(64)}`,
        state: 'pushed',
        size: 1,
        read: 1,
        written: 1,
        pushed: 1,
        convertFrom: 1,
        convertTo: 2,
        pushFrom: 3,
        pushTo: 4,
      },
    ],
  })
  const running = (await answered('Task', '')) as { id: string }[]
  for (const { id } of running) {
    const { layers, source } = (await answered('TaskDetail', `/${id}`)) as WireTaskDetail
    if (source === 'one.test/a:1') assert.equal(layers?.[0]?.convert_to, '1970-01-01T00:00:00.002Z')
    await answered('Record', `/${id}/events`)
  }
  const digest = `sha256:${'1'.repeat(64)}`
  const target = { target: 'one.test/a:1-esgz', targetDigest: digest, sourceDigest: digest }
  const timings = { pullMs: 1, convertMs: 2, pushMs: 3 }
  const layer = { platform: 'linux/amd64', index: 1, digest, mediaType: 'x' }
  const sizes = { sourceSize: 1, targetSize: 2, indexSize: 1, entries: 3 }
  const report: TaskReport = {
    driver: 'estargz',
    layers: [
      { ...layer, ...sizes, found: 'cache', kept: 'x', warnings: ['y'], push: 'mounted' },
      { ...layer, index: 2, sourceSize: 1, targetSize: 2 },
    ],
    kept: [{ digest, reason: 'x' }],
    verifiedPaths: 4,
  }
  runs.end('one.test/a:1', { ...target, timings, reused: true, skipped: 'x', report })
  const cause = new Error('z')
  runs.fail(
    'one.test/b:1',
    new AccelError('CONTENT_NOT_FOUND', { what: 'x', where: 'y' }, { cause }),
  )
  await settled()
  for (const { id } of (await answered('Task', '')) as { id: string }[]) {
    const {
      source,
      report: told,
      causes,
    } = (await answered('TaskDetail', `/${id}`)) as WireTaskDetail
    if (source === 'one.test/a:1') assert.equal(told?.layers[0]?.index_size, 1)
    if (source === 'one.test/b:1') assert.deepEqual(causes, ['z'])
  }
  await answered('Failure', '/nothing')
  fits('Status', JSON.parse((await service.send({ path: '/api/v1/status', headers })).body))
  const ok = await service.send({
    method: 'POST',
    path: '/api/v1/conversions',
    headers: { ...headers, 'content-type': 'application/json' },
    body: '{"type":"PULL_ARTIFACT"}',
  })
  fits('Ok', JSON.parse(ok.body))
})
