import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestFrom, digestOf } from '../oci/digest.ts'
import { createFakeClock } from '../testing/fake-clock.ts'
import type { Fault } from '../testing/registry/fault.ts'
import type { TestRegistryInit } from '../testing/registry/init.ts'
import { startTestRegistry, type TestRegistry } from '../testing/registry/test-registry.ts'
import { startScriptedServer, type ScriptedAnswer } from '../testing/scripted-server.ts'
import { createRegistryClient, type RegistryClientInit } from './client.ts'

const bytes = randomBytes(1_000_000)
const type = 'application/vnd.oci.image.layer.v1.tar+gzip'
const layer: Descriptor = { mediaType: type, digest: digestOf(bytes), size: bytes.length }

async function registryWith(faults: Fault[], init: TestRegistryInit = {}): Promise<TestRegistry> {
  const registry = await startTestRegistry({ ...init, faults })
  await registry.repository('demo/app').putBlob(bytes, type)
  return registry
}

/** Reads the blob; its digest, its size, and the pauses before new attempts. */
async function pull(
  host: string,
  init: Partial<RegistryClientInit> & { descriptor?: Descriptor; signal?: AbortSignal } = {},
) {
  const clock = createFakeClock()
  const client = createRegistryClient({ clock }, { hosts: () => ({}), ...init })
  const hash = createHash('sha256')
  let size = 0
  try {
    const { descriptor = layer, signal } = init
    const repository = client.repository({ host, repository: 'demo/app' })
    for await (const chunk of repository.blob(descriptor, signal === undefined ? {} : { signal })) {
      hash.update(chunk)
      size += chunk.length
    }
    return { digest: digestFrom(hash), size, sleeps: clock.sleeps }
  } finally {
    await client.close()
  }
}

function ranges(registry: TestRegistry): (string | undefined)[] {
  return registry.requests('GET blob').map((request) => request.range)
}

test('a blob comes in one request', async () => {
  await using registry = await registryWith([])
  const got = await pull(registry.host)
  assert.deepEqual(got, { digest: layer.digest, size: layer.size, sleeps: [] })
  assert.deepEqual(ranges(registry), [undefined])
})

test('after a reset the blob goes on at the byte that was reached', async () => {
  const registry = await registryWith([
    { on: 'GET blob', afterBytes: 300_000, then: 'close' },
    { on: 'GET blob', afterBytes: 0, then: 'close' },
    { on: 'GET blob', afterBytes: 100_000, then: 'close' },
  ])
  await using _ = registry
  const got = await pull(registry.host)
  assert.equal(got.digest, layer.digest)
  assert.deepEqual(ranges(registry), [undefined, 'bytes=300000-', 'bytes=300000-', 'bytes=400000-'])
  assert.deepEqual(got.sleeps, [250, 250, 250])
})

test('a registry that ignores ranges sends all again, and what came is skipped', async () => {
  await using registry = await registryWith([
    { on: 'GET blob', afterBytes: 300_000, then: 'close' },
    { on: 'GET blob', then: 'ignore range' },
  ])
  const got = await pull(registry.host)
  assert.deepEqual([got.digest, got.size], [layer.digest, layer.size])
  assert.deepEqual(ranges(registry), [undefined, 'bytes=300000-'])
})

test('a registry that refuses the range is asked for all', async () => {
  await using registry = await registryWith([
    { on: 'GET blob', afterBytes: 300_000, then: 'close' },
    { on: 'GET blob', then: { status: 416 } },
  ])
  assert.equal((await pull(registry.host)).digest, layer.digest)
  assert.deepEqual(ranges(registry), [undefined, 'bytes=300000-', undefined])
})

test('a connection that keeps breaking without a byte is given up', async () => {
  await using registry = await registryWith([
    { on: 'GET blob', afterBytes: 300_000, then: 'close' },
  ])
  registry.fault({ on: 'GET blob', afterBytes: 0, then: 'close', times: Infinity })
  await assert.rejects(pull(registry.host, { retry: { attempts: 3, awayMs: 0 } }), {
    code: 'REGISTRY_UNREACHABLE',
    message: new RegExp(
      `^blob ${layer.digest} of ${registry.host}/demo/app: .* cannot be reached: .* \\(3 attempts\\)$`,
    ),
  })
  assert.equal(ranges(registry).length, 4)
})

test('a blob that stops coming is taken up again', async () => {
  await using registry = await registryWith([
    { on: 'GET blob', afterBytes: 300_000, then: 'stall' },
  ])
  const got = await pull(registry.host, { times: { stallMs: 100 } })
  assert.equal(got.digest, layer.digest)
  assert.deepEqual(ranges(registry), [undefined, 'bytes=300000-'])
})

test('one flipped bit is CONTENT_DIGEST_MISMATCH', async () => {
  await using registry = await registryWith([
    { on: 'GET blob', afterBytes: 999_999, then: 'flip byte' },
  ])
  await assert.rejects(pull(registry.host), {
    code: 'CONTENT_DIGEST_MISMATCH',
    message: new RegExp(`^blob ${layer.digest} of ${registry.host}/demo/app: read 1000000 bytes`),
  })
})

test('a blob cut short is CONTENT_SIZE_MISMATCH', async () => {
  await using registry = await registryWith([
    { on: 'GET blob', afterBytes: 700_000, then: 'truncate' },
  ])
  await assert.rejects(pull(registry.host), {
    code: 'CONTENT_SIZE_MISMATCH',
    context: {
      what: `blob ${layer.digest} of ${registry.host}/demo/app`,
      want: 1_000_000,
      got: 700_000,
    },
  })
})

for (const [name, size] of Object.entries({ shorter: 999_999, longer: 1_000_001 })) {
  test(`a blob that is ${name} than its descriptor says is refused before it is read`, async () => {
    await using registry = await registryWith([])
    const descriptor = { ...layer, size }
    await assert.rejects(pull(registry.host, { descriptor }), { code: 'CONTENT_SIZE_MISMATCH' })
    assert.ok((registry.requests('GET blob')[0]?.bytesOut ?? 0) <= 1_000_000)
  })
}

test('a chunked answer without a length is held to the size', async () => {
  for (const sent of [999_999, 1_000_001]) {
    await using server = await startScriptedServer(() => ({
      status: 200,
      headers: { 'transfer-encoding': 'chunked', 'content-length': [] as string[] },
      body: Buffer.concat([bytes, Buffer.from('x')]).subarray(0, sent),
    }))
    await assert.rejects(pull(server.host), { code: 'CONTENT_SIZE_MISMATCH' })
    assert.equal(server.seen.length, 1)
  }
})

test('a range that begins elsewhere is refused', async () => {
  let count = 0
  await using server = await startScriptedServer((): ScriptedAnswer => {
    if (count++ === 0) {
      const headers = { 'content-length': String(bytes.length) }
      return { status: 200, headers, body: bytes.subarray(0, 1000), resetAfterBody: true }
    }
    const headers = { 'content-range': `bytes 5000-999999/1000000` }
    return { status: 206, headers, body: bytes.subarray(5000) }
  })
  await assert.rejects(pull(server.host), { code: 'CONTENT_SIZE_MISMATCH' })
})

test('a missing blob is CONTENT_NOT_FOUND', async () => {
  await using registry = await registryWith([])
  const descriptor = { ...layer, digest: digestOf('other') }
  await assert.rejects(pull(registry.host, { descriptor }), {
    code: 'CONTENT_NOT_FOUND',
    context: { what: `blob ${descriptor.digest}`, where: `${registry.host}/demo/app` },
  })
})

test('storage is reached by redirect, without credentials, and resumed by way of the registry', async () => {
  await using registry = await registryWith([], { redirectBlobs: true })
  registry.fault({ on: 'GET redirected blob', afterBytes: 400_000, then: 'close' })
  const got = await pull(registry.host, {
    hosts: () => ({ credentials: { username: 'u', password: 'pass' } }),
  })
  assert.equal(got.digest, layer.digest)
  assert.deepEqual(ranges(registry), [undefined, 'bytes=400000-'])
  assert.deepEqual(
    registry.requests('GET redirected blob').map((r) => [r.authorized, r.range]),
    [
      [false, undefined],
      [false, 'bytes=400000-'],
    ],
  )
})

test('where foreign hosts are listed, a redirect elsewhere is refused, and nothing is sent there', async () => {
  await using storage = await startScriptedServer(() => ({ status: 200, body: bytes }))
  await using server = await startScriptedServer(() => ({
    status: 307,
    headers: { location: `${storage.url}/bucket/x` },
  }))
  const listed = (foreignHosts: string[]) => pull(server.host, { hosts: () => ({ foreignHosts }) })
  await assert.rejects(listed(['storage.test']), {
    code: 'REGISTRY_REDIRECT_REFUSED',
    message: /provider\.foreign_hosts does not list it/,
  })
  assert.equal(storage.seen.length, 0)
  assert.equal((await listed([`127.0.0.1:${storage.port}`])).digest, layer.digest)
})

test('Authorization stays with the registry when it redirects to another port', async () => {
  await using storage = await startScriptedServer(() => ({ status: 200, body: bytes }))
  await using server = await startScriptedServer((request): ScriptedAnswer => {
    if (request.headers.authorization === undefined)
      return { status: 401, headers: { 'www-authenticate': 'Basic' } }
    if (!request.path.endsWith('/again'))
      return { status: 307, headers: { location: `${request.path}/again` } }
    return { status: 307, headers: { location: `${storage.url}/bucket/x?X-Amz-Signature=abc` } }
  })
  const got = await pull(server.host, {
    hosts: () => ({ credentials: { username: 'u', password: 'pass' } }),
  })
  assert.equal(got.digest, layer.digest)
  // On the registry's own origin it is kept.
  assert.equal(server.seen.at(-1)?.headers.authorization?.startsWith('Basic '), true)
  assert.deepEqual(
    storage.seen.map((r) => r.headers.authorization),
    [undefined],
  )
})

test('what storage refuses is an error without its words and its signature', async () => {
  await using storage = await startScriptedServer(() => ({ status: 403, body: 'inner secrets' }))
  await using server = await startScriptedServer(() => ({
    status: 307,
    headers: { location: `${storage.url}/bucket/x?X-Amz-Signature=abc` },
  }))
  await assert.rejects(pull(server.host), {
    code: 'REGISTRY_DENIED',
    context: {
      what: `blob ${layer.digest} of ${server.host}/demo/app`,
      side: undefined,
      method: 'GET',
      url: `${storage.url}/bucket/x?…`,
      status: 403,
      diagnostics: [],
    },
  })
})

test('a redirect without end is refused after five', async () => {
  await using server = await startScriptedServer((request) => ({
    status: 302,
    headers: { location: `${request.path}x` },
  }))
  await assert.rejects(pull(server.host), {
    code: 'REGISTRY_REDIRECT_REFUSED',
    message: /6th redirect/,
  })
  assert.equal(server.seen.length, 6)
})

test('an abort ends a download, its connection, and its waiting', async () => {
  await using registry = await registryWith([
    { on: 'GET blob', afterBytes: 300_000, then: 'stall' },
  ])
  const controller = new AbortController()
  const client = createRegistryClient({}, { hosts: () => ({}) })
  const repository = client.repository({ host: registry.host, repository: 'demo/app' })
  const reading = (async () => {
    for await (const chunk of repository.blob(layer, { signal: controller.signal })) {
      if (chunk.length > 0) controller.abort()
    }
  })()
  await assert.rejects(reading, { code: 'ABORTED', message: /^blob sha256:.* was cancelled$/ })
  await client.close()
})

test('a reader that leaves early gives its place and connection back', async () => {
  await using registry = await registryWith([])
  const client = createRegistryClient({}, { hosts: () => ({ maxConnections: 1 }) })
  const repository = client.repository({ host: registry.host, repository: 'demo/app' })
  for (let i = 0; i < 3; i++) {
    for await (const chunk of repository.blob(layer)) {
      assert.ok(chunk.length > 0)
      break
    }
  }
  assert.equal(registry.requests('GET blob').length, 3)
  await client.close()
})

test('a slow reader slows the registry, and little is held', async () => {
  const big = randomBytes(32 * 1024 * 1024)
  await using registry = await startTestRegistry()
  await registry.repository('demo/app').putBlob(big, type)
  const client = createRegistryClient({}, { hosts: () => ({}) })
  const repository = client.repository({ host: registry.host, repository: 'demo/app' })
  const descriptor = { mediaType: type, digest: digestOf(big), size: big.length }
  let read = 0
  let ahead = 0
  for await (const chunk of repository.blob(descriptor)) {
    // Time in which a client that reads ahead would read several chunks.
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
    read += chunk.length
    ahead = Math.max(ahead, (registry.requests('GET blob')[0]?.bytesOut ?? 0) - read)
  }
  assert.equal(read, big.length)
  // Our window and the buffers of both sockets, which Linux lets grow to 4 and 6 MiB.
  assert.ok(ahead < 12 * 1024 * 1024, `${ahead} bytes were sent ahead of the reader`)
  await client.close()
})

test('no more blobs are pulled at once than the host has places', async () => {
  let now = 0
  let most = 0
  await using server = await startScriptedServer(async () => {
    most = Math.max(most, ++now)
    await new Promise(setImmediate)
    now--
    return { status: 200, body: bytes }
  })
  const client = createRegistryClient({}, { hosts: () => ({ maxConnections: 2 }) })
  const repository = client.repository({ host: server.host, repository: 'demo/app' })
  await Promise.all(
    Array.from({ length: 6 }, async () => {
      for await (const chunk of repository.blob(layer)) assert.ok(chunk)
    }),
  )
  assert.ok(most <= 2, `${most} at once`)
  assert.equal(server.seen.length, 6)
  await client.close()
})
