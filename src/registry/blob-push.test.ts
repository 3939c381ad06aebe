import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { AccelError } from '../errors/accel-error.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf } from '../oci/digest.ts'
import type { ByteSource } from '../streams/byte-source.ts'
import { createFakeClock } from '../testing/fake-clock.ts'
import type { Fault } from '../testing/registry/fault.ts'
import type { TestRegistryInit } from '../testing/registry/init.ts'
import { startTestRegistry, type TestRegistry } from '../testing/registry/test-registry.ts'
import { startScriptedServer, type ScriptedAnswer } from '../testing/scripted-server.ts'
import type { UploadInit } from './blob-upload.ts'
import { createRegistryClient, type RegistryClientInit } from './client.ts'

const bytes = randomBytes(1_000_000)
const layer: Descriptor = { mediaType: 'x', digest: digestOf(bytes), size: bytes.length }
const chunked: UploadInit = { monolithicLimit: 0, chunkSize: 400_000 }

interface Push extends Partial<RegistryClientInit> {
  descriptor?: Descriptor
  open?: (offset: number) => ByteSource
  mountFrom?: string[]
  signal?: AbortSignal
}

/** Pushes the layer; the outcome, the offsets that were opened, the progress, and the pauses. */
async function push(host: string, init: Push = {}) {
  const { descriptor = layer, open = pieces, mountFrom, signal, ...rest } = init
  const clock = createFakeClock()
  const client = createRegistryClient({ clock }, { hosts: () => ({}), ...rest })
  const opened: number[] = []
  const progress: number[] = []
  try {
    const outcome = await client
      .repository({ host, repository: 'demo/app' }, { side: 'target' })
      .pushBlob(
        descriptor,
        (offset) => {
          opened.push(offset)
          return open(offset)
        },
        {
          onProgress: (sent) => void progress.push(sent),
          ...(mountFrom === undefined ? {} : { mountFrom }),
          ...(signal === undefined ? {} : { signal }),
        },
      )
    return { outcome, opened, progress, sleeps: clock.sleeps }
  } finally {
    await client.close()
  }
}

async function* pieces(offset: number): AsyncGenerator<Uint8Array> {
  // One buffer is used for all pieces: whoever keeps it past a pull sends wrong bytes.
  const shared = Buffer.alloc(65_536)
  for (let at = offset; at < bytes.length; at += shared.length) {
    const size = bytes.copy(shared, 0, at, Math.min(at + shared.length, bytes.length))
    yield shared.subarray(0, size)
    shared.fill(0)
  }
}

function lines(registry: TestRegistry): string[] {
  return registry
    .requests()
    .map((r) => [r.kind, r.contentRange, r.status].filter((part) => part !== undefined).join(' '))
}

async function stored(registry: TestRegistry, descriptor = layer): Promise<boolean> {
  return digestOf(await registry.blob('demo/app', descriptor.digest)) === descriptor.digest
}

function started(init: TestRegistryInit & { faults?: Fault[] } = {}): Promise<TestRegistry> {
  return startTestRegistry(init)
}

test('a small blob is asked for, then sent in one PUT', async () => {
  await using registry = await started()
  const got = await push(registry.host)
  assert.equal(got.outcome, 'uploaded')
  assert.deepEqual(lines(registry), ['HEAD blob 404', 'POST upload 202', 'PUT upload 201'])
  assert.equal(got.progress.at(-1), layer.size)
  assert.ok(await stored(registry))
})

test('a blob that is there is not sent', async () => {
  await using registry = await started()
  await push(registry.host)
  const again = await push(registry.host)
  assert.equal(again.outcome, 'exists')
  assert.deepEqual(again.opened, [])
})

test('an empty blob can be pushed', async () => {
  await using registry = await started()
  const descriptor = { mediaType: 'x', digest: digestOf(''), size: 0 }
  assert.equal(
    (await push(registry.host, { descriptor, open: () => pieces(bytes.length) })).outcome,
    'uploaded',
  )
  assert.ok(await stored(registry, descriptor))
})

test('a blob beyond the limit is sent in chunks and closed by an empty PUT', async () => {
  await using registry = await started()
  const got = await push(registry.host, { upload: chunked })
  assert.deepEqual(lines(registry), [
    'HEAD blob 404',
    'POST upload 202',
    'PATCH upload 0-399999 202',
    'PATCH upload 400000-799999 202',
    'PATCH upload 800000-999999 202',
    'PUT upload 201',
  ])
  assert.deepEqual(got.opened, [0, 400_000, 800_000])
  assert.ok(await stored(registry))
})

test('a blob is mounted from the repository that has it', async () => {
  await using registry = await started()
  await registry.repository('library/base').putBlob(bytes, 'x')
  const got = await push(registry.host, { mountFrom: ['library/other', 'library/base'] })
  assert.equal(got.outcome, 'uploaded', 'the first hint opened an upload, which is used')
  await using second = await started()
  await second.repository('library/base').putBlob(bytes, 'x')
  const mounted = await push(second.host, { mountFrom: ['demo/app', 'library/base'] })
  assert.deepEqual([mounted.outcome, mounted.opened], ['mounted', []])
  assert.deepEqual(lines(second), ['HEAD blob 404', 'POST upload 201'])
})

for (const status of [400, 401, 403, 404, 500]) {
  test(`a mount answered ${status} is no error`, async () => {
    await using registry = await started({
      faults: [
        {
          on: 'POST upload',
          then: { status },
          match: { where: (r) => 'mount' in r.query },
          times: Infinity,
        },
      ],
    })
    const got = await push(registry.host, { mountFrom: ['library/base'] })
    assert.equal(got.outcome, 'uploaded')
    assert.ok(await stored(registry))
  })
}

test('an upload whose connection breaks goes on at the byte that the registry has', async () => {
  await using registry = await started({
    faults: [{ on: 'PUT upload', afterBytes: 300_000, then: 'close' }],
  })
  const got = await push(registry.host)
  assert.deepEqual(lines(registry), [
    'HEAD blob 404',
    'POST upload 202',
    'PUT upload',
    'HEAD blob 404',
    'GET upload 204',
    'PATCH upload 300000-999999 202',
    'PUT upload 201',
  ])
  assert.deepEqual(got.opened, [0, 300_000])
  assert.ok(got.progress.includes(300_000))
  assert.ok(await stored(registry))
})

test('a chunk whose connection breaks is gone on with in its middle', async () => {
  await using registry = await started({
    faults: [{ on: 'PATCH upload', skip: 1, afterBytes: 100_000, then: 'close' }],
  })
  const got = await push(registry.host, { upload: chunked })
  assert.deepEqual(got.opened, [0, 400_000, 500_000, 900_000])
  assert.ok(await stored(registry))
})

test('an upload of which the registry takes no more is taken up again', async () => {
  const big = randomBytes(24 * 1024 * 1024)
  const descriptor = { mediaType: 'x', digest: digestOf(big), size: big.length }
  const asked: string[] = []
  const received: Buffer[] = []
  const server = createServer(async (request, response) => {
    asked.push(request.method ?? '')
    const location = '/v2/demo/app/blobs/uploads/1'
    if (request.method === 'HEAD') response.writeHead(404).end()
    else if (request.method === 'POST') response.writeHead(202, { location }).end()
    else if (request.method === 'GET') response.writeHead(204, { location, range: '0-0' }).end()
    // The first PATCH is never read.
    else if (asked.filter((method) => method === 'PATCH').length > 1) {
      for await (const piece of request) received.push(piece as Buffer)
      response.writeHead(request.method === 'PATCH' ? 202 : 201, { location }).end()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const got = await push(`127.0.0.1:${(server.address() as AddressInfo).port}`, {
    descriptor,
    open: async function* (offset) {
      for (let at = offset; at < big.length; at += 1 << 20) yield big.subarray(at, at + (1 << 20))
    },
    upload: { monolithicLimit: 0 },
    times: { stallMs: 1_000 },
  })
  server.closeAllConnections()
  server.close()
  assert.equal(got.outcome, 'uploaded')
  assert.deepEqual(asked, ['HEAD', 'POST', 'PATCH', 'HEAD', 'GET', 'PATCH', 'PUT'])
  assert.equal(digestOf(Buffer.concat(received)), descriptor.digest)
})

test('an upload that the registry has lost begins anew', async () => {
  for (const status of [404, 416, 400]) {
    await using registry = await started({
      faults: [
        { on: 'PUT upload', afterBytes: 300_000, then: 'close' },
        { on: 'GET upload', then: { status } },
      ],
    })
    const got = await push(registry.host)
    assert.deepEqual(got.opened, [0, 0], String(status))
    assert.ok(await stored(registry))
  }
})

test('a closing answer that is lost does not send the blob again', async () => {
  await using registry = await started({ faults: [{ on: 'PUT upload', then: 'lose answer' }] })
  const got = await push(registry.host)
  assert.deepEqual(got.opened, [0])
  assert.deepEqual(lines(registry), [
    'HEAD blob 404',
    'POST upload 202',
    'PUT upload',
    'HEAD blob 200',
  ])
})

test('429 is waited for as long as the registry asks', async () => {
  const busy = { status: 429, headers: { 'retry-after': '11' } }
  await using registry = await started({
    faults: [
      { on: 'HEAD blob', then: busy },
      { on: 'PATCH upload', then: busy },
      { on: 'PUT upload', then: { status: 503 } },
    ],
  })
  const got = await push(registry.host, { upload: { monolithicLimit: 0 } })
  assert.equal(got.outcome, 'uploaded')
  assert.deepEqual(got.sleeps.slice(0, 2), [11_000, 11_000])
  assert.ok(await stored(registry))
})

test('a registry that stays busy is REGISTRY_RATE_LIMITED, after the attempts', async () => {
  await using registry = await started({
    faults: [
      {
        on: 'POST upload',
        then: { status: 429, headers: { 'retry-after': '2' } },
        times: Infinity,
      },
    ],
  })
  await assert.rejects(push(registry.host, { retry: { attempts: 3 } }), {
    code: 'REGISTRY_RATE_LIMITED',
    message: /^target blob .* POST .* answered 429.*wait 2 s$/,
  })
})

test('a proxy that finds the request too large gets smaller ones', async () => {
  const big = randomBytes(9 * 1024 * 1024)
  const descriptor = { mediaType: 'x', digest: digestOf(big), size: big.length }
  const tooLarge: Fault = { on: ['PUT upload', 'PATCH upload'], then: { status: 413 } }
  await using registry = await started({ faults: [tooLarge] })
  const open = async function* (offset: number) {
    for (let at = offset; at < big.length; at += 65_536) yield big.subarray(at, at + 65_536)
  }
  const got = await push(registry.host, { descriptor, open })
  assert.equal(got.outcome, 'uploaded')
  assert.deepEqual(got.opened, [0, 0, 8 * 1024 * 1024])
  registry.fault({ ...tooLarge, times: Infinity })
  const other = { ...descriptor, digest: digestOf('other') }
  await assert.rejects(push(registry.host, { descriptor: other, open }), {
    code: 'REGISTRY_TOO_LARGE',
  })
})

test('quota, read-only and missing permission are told in the registry’s words and not tried again', async () => {
  const body = JSON.stringify({
    errors: [
      { code: 'DENIED', message: 'adding 4.9 KiB of storage resource would exceed the limit' },
    ],
  })
  await using registry = await started({
    faults: [{ on: 'PUT upload', then: { status: 403, body } }],
  })
  await assert.rejects(push(registry.host), {
    code: 'REGISTRY_DENIED',
    message: /^target blob .* answered 403; DENIED: adding 4.9 KiB of storage/,
  })
  assert.equal(registry.requests('PUT upload').length, 1)
  assert.equal(registry.openUploads(), 0, 'the upload is given up')
})

test('bytes that are not those of the digest are refused by the registry, once', async () => {
  await using registry = await started()
  const descriptor = { ...layer, digest: digestOf('other') }
  await assert.rejects(push(registry.host, { descriptor }), {
    code: 'REGISTRY_STATUS',
    message: /DIGEST_INVALID/,
  })
  assert.equal(registry.requests('PUT upload').length, 1)
})

test('a source that is too short, or fails, is told as such and not tried again', async () => {
  await using registry = await started()
  const short = { ...layer, size: layer.size + 1 }
  await assert.rejects(push(registry.host, { descriptor: short }), {
    code: 'CONTENT_SIZE_MISMATCH',
    message: /as it is to be sent/,
  })
  const failure = new AccelError('ABORTED', { what: 'the source' })
  const open = async function* () {
    yield bytes.subarray(0, 1000)
    throw failure
  }
  await assert.rejects(push(registry.host, { open }), failure)
  assert.equal(registry.requests('PUT upload').length, 2)
})

test('a source that is longer than its descriptor is cut there', async () => {
  await using registry = await started()
  const descriptor = { mediaType: 'x', digest: digestOf(bytes.subarray(0, 70_000)), size: 70_000 }
  assert.equal((await push(registry.host, { descriptor })).outcome, 'uploaded')
})

test('an abort ends an upload, and its source is closed', async () => {
  await using registry = await started({
    faults: [{ on: 'PUT upload', afterBytes: 100_000, then: 'stall' }],
  })
  const controller = new AbortController()
  const { promise: closed, resolve: close } = Promise.withResolvers<void>()
  const open = async function* () {
    try {
      for (;;) {
        yield Buffer.alloc(50_000)
        await new Promise(setImmediate)
        if (registry.requests('PUT upload')[0]?.bytesIn) controller.abort()
      }
    } finally {
      close()
    }
  }
  await assert.rejects(push(registry.host, { open, signal: controller.signal }), {
    code: 'ABORTED',
  })
  await closed
})

test('the upload goes on at the latest Location, at the origin of the request', async () => {
  await using server = await startScriptedServer((request, self): ScriptedAnswer => {
    if (request.method === 'HEAD') return { status: 404 }
    if (request.method === 'POST') {
      // As behind a proxy with TLS that does not tell: scheme and port are wrong.
      return {
        status: 202,
        headers: { location: 'https://127.0.0.1/v2/demo/app/blobs/uploads/1?_state=one%3D' },
      }
    }
    if (request.method === 'PATCH') {
      const last = String(request.headers['content-range']).split('-')[1]
      return {
        status: 202,
        headers: {
          location: `${self.url}/v2/demo/app/blobs/uploads/1?_state=${last}`,
          range: `0-${last}`,
        },
      }
    }
    return { status: 201 }
  })
  await push(server.host, { upload: { monolithicLimit: 0, chunkSize: 600_000 } })
  assert.deepEqual(
    server.seen
      .slice(2)
      .map((r) => [
        r.method,
        r.query.get('_state'),
        r.query.get('digest'),
        r.headers['content-type'],
      ]),
    [
      ['PATCH', 'one=', null, 'application/octet-stream'],
      ['PATCH', '599999', null, 'application/octet-stream'],
      ['PUT', '999999', layer.digest, 'application/octet-stream'],
    ],
  )
})

test('an upload that is sent to a host without settings is refused', async () => {
  await using server = await startScriptedServer((request): ScriptedAnswer => {
    if (request.method === 'HEAD') return { status: 404 }
    return { status: 202, headers: { location: 'http://evil.test/upload?sig=x' } }
  })
  await assert.rejects(
    push(server.host, { hosts: (host) => (host === server.host ? {} : undefined) }),
    {
      code: 'REGISTRY_REDIRECT_REFUSED',
      message: new RegExp(`sends us to http://evil.test/upload\\?…: that host is not configured`),
    },
  )
})

test('an upload that is sent to another configured host goes there, with its account', async () => {
  await using store = await startScriptedServer((request): ScriptedAnswer => {
    if (request.headers.authorization === undefined)
      return { status: 401, headers: { 'www-authenticate': 'Basic' } }
    return { status: 201 }
  })
  await using server = await startScriptedServer((request): ScriptedAnswer => {
    if (request.method === 'HEAD') return { status: 404 }
    return { status: 202, headers: { location: `http://localhost:${store.port}/upload/1` } }
  })
  const got = await push(server.host, {
    hosts: (host) =>
      host === server.host ? {} : { credentials: { username: 'store', password: 'pass' } },
  })
  assert.equal(got.outcome, 'uploaded')
  assert.deepEqual(
    store.seen.map((r) => r.body.length),
    [layer.size, layer.size],
  )
})

test('an answer without Location is refused as no registry’s', async () => {
  await using server = await startScriptedServer((request) => ({
    status: request.method === 'HEAD' ? 404 : 202,
  }))
  await assert.rejects(push(server.host), {
    code: 'REGISTRY_ANSWER_INVALID',
    message: /names no Location/,
  })
})

test('a registry that never takes a byte does not hold us for ever', async () => {
  await using server = await startScriptedServer((request): ScriptedAnswer => {
    if (request.method === 'HEAD') return { status: 404 }
    return { status: 202, headers: { location: '/v2/demo/app/blobs/uploads/1', range: '0-0' } }
  })
  await assert.rejects(push(server.host, { upload: chunked }), {
    code: 'REGISTRY_ANSWER_INVALID',
    message: /it holds 0 bytes after bytes 0 to 399999 were sent/,
  })
})

test('a registry that takes part of a chunk is sent the rest', async () => {
  let held = 0
  await using server = await startScriptedServer((request): ScriptedAnswer => {
    if (request.method === 'HEAD') return { status: 404 }
    if (request.method === 'PUT') return { status: 201 }
    if (request.method === 'PATCH') held += Math.min(250_000, request.body.length)
    return {
      status: 202,
      headers: { location: '/v2/demo/app/blobs/uploads/1', range: `0-${Math.max(0, held - 1)}` },
    }
  })
  const got = await push(server.host, { upload: chunked })
  assert.deepEqual(got.opened, [0, 250_000, 500_000, 750_000])
})
