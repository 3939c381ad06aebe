import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WireReadiness } from '../api/contract.ts'
import { startTestService } from '../testing/service/http-service.ts'
import { wireStatus } from '../testing/service/wire-samples.ts'

const yaml = `server: { port: 0, host: 127.0.0.1, api_token: everything }
provider: { source: { a.test: { webhook: { auth_header: header } }, b.test: {} } }
converter: { driver: { type: estargz }, rules: [{ tag_suffix: -esgz }] }
`

test('liveness looks at nothing; readiness says what is wrong, and C-03 stays as it was', async () => {
  let readiness: WireReadiness = {
    ready: true,
    checks: { database: 'ok', disk: 'ok', registries: 'failing' },
  }
  await using service = await startTestService({ yaml, ready: () => Promise.resolve(readiness) })
  const get = (path: string) => service.send({ path: `/api/v1/health${path}` })
  assert.deepEqual([(await get('/live')).status, (await get('/live')).body], [200, 'Ok'])
  const ready = await get('/ready')
  assert.deepEqual([ready.status, JSON.parse(ready.body)], [200, readiness])
  readiness = { ready: false, checks: { ...readiness.checks, database: 'failing' } }
  assert.equal((await get('/ready')).status, 503)
  const upstream = await get('')
  assert.deepEqual([upstream.status, upstream.body], [200, 'Ok'])
  assert.ok(!service.lines.some((line) => line.includes('/health/')))
})

test('a search is begun by who may do everything, and by nobody else', async () => {
  await using service = await startTestService({ yaml })
  const ask = (method: string, authorization: string | undefined, query = '') =>
    service.send({
      method,
      path: `/api/v1/backfill${query}`,
      headers: authorization === undefined ? {} : { authorization },
    })
  for (const authorization of [undefined, 'header', 'wrong']) {
    assert.equal((await ask('POST', authorization)).status, 401)
    assert.equal((await ask('GET', authorization)).status, 401)
  }
  const begun = await ask('POST', 'Bearer everything', '?dry_run=true')
  assert.equal(begun.status, 202)
  const state = { running: true, registries: [], queued: [], dry_run: true }
  assert.deepEqual(JSON.parse(begun.body), state)
  assert.deepEqual(JSON.parse((await ask('GET', 'everything')).body), state)
  assert.equal((await ask('POST', 'everything', '?dry_run=maybe')).status, 400)
})

test('how the service stands is told of the registries that the caller may use', async () => {
  const asked = '2026-11-21T09:00:00.000Z'
  const registries = [{ name: 'a.test', answers: true, asked }, { name: 'b.test' }]
  const status = wireStatus({
    version: 'v1.2.3',
    waiting: 5,
    running: 6,
    workers: 7,
    disk: { free: 7, size: 8 },
    store: { layers: 1, content: 2, needed: 3, under_way: 4, limit: 5 },
    registries,
  })
  await using service = await startTestService({ yaml, status: () => Promise.resolve(status) })
  const ask = (headers: Record<string, string>) => service.send({ path: '/api/v1/status', headers })
  assert.deepEqual(JSON.parse((await ask({ authorization: 'everything' })).body), status)
  const one = await ask({ authorization: 'header' })
  assert.deepEqual(JSON.parse(one.body), { ...status, registries: registries.slice(0, 1) })
  assert.equal((await ask({})).status, 401)
})
