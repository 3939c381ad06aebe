import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAccelError } from '../errors/accel-error.ts'
import { buildHelmChart, buildImage, buildLayer, pushBuilt } from '../testing/image-builder.ts'
import { startScriptedServer, type ScriptedAnswer } from '../testing/scripted-server.ts'
import type { TestRegistryInit } from '../testing/registry/init.ts'
import { startTestRegistry } from '../testing/registry/test-registry.ts'
import { testTar } from '../testing/tar-builder.ts'
import { createRegistryClient } from './client.ts'

const image = buildImage({ layers: [buildLayer(testTar().file('a', 'hello').bytes())] })
const accounts = { kind: 'bearer' as const, users: { robot: 's3cret:with:colons' } }
const credentials = { username: 'robot', password: 's3cret:with:colons' }

async function opened(init: TestRegistryInit, account = true) {
  const registry = await startTestRegistry(init)
  const client = createRegistryClient(
    {},
    { hosts: () => (account ? { credentials } : {}), retry: { attempts: 1 } },
  )
  const push = (repository: string, tag: string, built = image) =>
    pushBuilt(built, registry.repository(repository), { tag })
  return {
    registry,
    client,
    push,
    async [Symbol.asyncDispose]() {
      await client.close()
      await registry.close()
    },
  }
}

test('tags and repositories come page by page, to the last', async () => {
  await using at = await opened({ pageSize: 3, auth: accounts })
  for (let i = 0; i < 8; i += 1) await at.push('demo/app', `v${i}`)
  for (const name of ['a/x', 'b/y', 'c/z', 'd/w']) await at.push(name, 'latest')
  const { host } = at.registry
  const tags = await Array.fromAsync(at.client.repository({ host, repository: 'demo/app' }).tags())
  assert.deepEqual(tags, ['v0', 'v1', 'v2', 'v3', 'v4', 'v5', 'v6', 'v7'])
  const names = await Array.fromAsync(at.client.repositories(host))
  assert.deepEqual(names, ['a/x', 'b/y', 'c/z', 'd/w', 'demo/app'])
  assert.equal(at.registry.requests({ kind: 'GET tags' }).length, 4)
})

test('a repository that does not exist has no tags', async () => {
  await using at = await opened({})
  const { host } = at.registry
  const tags = at.client.repository({ host, repository: 'no/such' }).tags()
  assert.deepEqual(await Array.fromAsync(tags), [])
})

test('each page is paced, and the next one is asked for only when it is wanted', async () => {
  await using at = await opened({ pageSize: 1 })
  for (const tag of ['a', 'b', 'c']) await at.push('demo/app', tag)
  let paced = 0
  const pace = async () => void (paced += 1)
  const { host } = at.registry
  for await (const tag of at.client.repository({ host, repository: 'demo/app' }).tags({ pace })) {
    if (tag === 'b') break
  }
  assert.equal(paced, 2)
})

test("Harbor's projects, repositories and images: with the account alone, names encoded twice, no accessories", async () => {
  const harbor = { projects: ['demo', 'empty', 'cache'], proxyProjects: ['cache'] }
  await using at = await opened({ harbor, auth: accounts })
  for (let i = 0; i < 103; i += 1) await at.push('demo/team/app', `v${i}`)
  await at.push('demo/chart', 'v1', buildHelmChart())
  const source = await at.push('demo/one', 'v1')
  const accessory = buildImage({ layers: [], subject: source })
  await at.push('demo/one', 'v1-esgz', accessory)
  const api = at.client.harbor(at.registry.host)
  assert.equal(await api.detected({}), true)
  assert.deepEqual(await Array.fromAsync(api.projects({})), [
    { name: 'cache', proxyCache: true },
    { name: 'demo', proxyCache: false },
    { name: 'empty', proxyCache: false },
  ])
  assert.deepEqual(await Array.fromAsync(api.repositories('demo', {})), [
    'demo/chart',
    'demo/one',
    'demo/team/app',
  ])
  assert.deepEqual(await Array.fromAsync(api.images('demo/one', {})), [
    { digest: source.digest, tags: ['v1'] },
  ])
  assert.deepEqual(await Array.fromAsync(api.images('demo/chart', {})), [])
  const [many, ...others] = await Array.fromAsync(api.images('demo/team/app', {}))
  assert.equal(many?.tags.length, 103)
  assert.deepEqual(others, [])
  const asked = at.registry.requests({ kind: 'GET harbor api' })
  assert.ok(asked.some(({ path }) => path.includes('/repositories/team%252Fapp/artifacts')))
  assert.equal(at.registry.requests({ kind: 'GET token' }).length, 0)
})

test('without an account, or with a wrong one, Harbor refuses, and that is no list', async () => {
  await using at = await opened({ harbor: true, auth: accounts }, false)
  const api = at.client.harbor(at.registry.host)
  assert.equal(await api.detected({}), true)
  await assert.rejects(Array.fromAsync(api.projects({})), (error) =>
    isAccelError(error, 'REGISTRY_AUTH'),
  )
  await using plain = await opened({})
  assert.equal(await plain.client.harbor(plain.registry.host).detected({}), false)
})

const notLists: [answer: ScriptedAnswer, problem: RegExp][] = [
  [
    { status: 200, headers: { link: '</v2/_catalog?n=100>; rel="next"' }, body: '{}' },
    /its pages do not end/,
  ],
  [{ status: 200, body: '<html>' }, /it is not JSON/],
  [{ status: 200, body: '{"repositories":"a"}' }, /repositories is not a list/],
  [{ status: 403, body: '' }, /answered 403/],
]

test('pages that lead in a circle, or are no lists, end in an error', async () => {
  for (const [answer, problem] of notLists) {
    await using server = await startScriptedServer(() => answer)
    const client = createRegistryClient({}, { hosts: () => ({}), retry: { attempts: 1 } })
    await assert.rejects(Array.fromAsync(client.repositories(server.host)), problem)
    await client.close()
  }
})

test('names that are none are left out: they would become part of a path', async () => {
  const body = JSON.stringify({ repositories: ['ok/app', '../../etc', 'UPPER', 7, 'a b'] })
  await using server = await startScriptedServer(() => ({ status: 200, body }))
  const client = createRegistryClient({}, { hosts: () => ({}) })
  assert.deepEqual(await Array.fromAsync(client.repositories(server.host)), ['ok/app'])
  await client.close()
})
