import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { AccelError } from '../errors/accel-error.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf, hexOf } from '../oci/digest.ts'
import { createFakeClock } from '../testing/fake-clock.ts'
import { type ObjectServer, refuse, startObjectServer } from '../testing/object-server.ts'
import type { SeenRequest } from '../testing/scripted-server.ts'
import { openBackend } from './backend.ts'
import type { BackendSettings } from './settings.ts'

const bytes = randomBytes(1_000_000)
const blob: Descriptor = { mediaType: 'x', digest: digestOf(bytes), size: bytes.length }
const account = { id: 'the-id', secret: 'the-secret' }

interface Push {
  kind?: 's3' | 'oss'
  force?: boolean
  /** @default 400_000 */
  partSize?: number
  content?: Uint8Array
  signal?: AbortSignal
}

function settings(server: ObjectServer, kind: 's3' | 'oss'): BackendSettings {
  const common = { origin: `http://${server.host}`, bucket: 'bucket', prefix: 'pre/', account }
  return kind === 's3'
    ? { type: 's3', ...common, region: 'r', checksum: 'CRC32' }
    : { type: 'oss', ...common, region: 'cn-hangzhou' }
}

/** Pushes the blob; the outcome, the progress and the pauses. */
async function push(server: ObjectServer, init: Push = {}) {
  const { kind = 's3', force = false, partSize = 400_000, content = bytes, signal } = init
  const clock = createFakeClock()
  const store = openBackend(settings(server, kind), { force, partSize, clock })
  const progress: number[] = []
  async function* open(): AsyncGenerator<Uint8Array> {
    // One buffer is used for all pieces: whoever keeps it past a pull sends wrong bytes.
    const shared = Buffer.alloc(65_536)
    for (let at = 0; at < content.length; at += shared.length) {
      shared.set(content.subarray(at, at + shared.length))
      yield shared.subarray(0, Math.min(shared.length, content.length - at))
      shared.fill(0)
    }
  }
  const onProgress = (sent: number): void => void progress.push(sent)
  const call = { onProgress, ...(signal === undefined ? {} : { signal }) }
  const outcome = await store.pushBlob(blob, open, call)
  return { outcome, progress, sleeps: clock.sleeps }
}

function stored(server: ObjectServer): boolean {
  const object = server.objects.get(`/bucket/pre/${hexOf(blob.digest)}`)
  return object !== undefined && digestOf(object) === blob.digest
}

function isPart(request: SeenRequest, number: number): boolean {
  return request.query.get('partNumber') === String(number)
}

/** Answers the first `times` requests for which `which` holds. */
function once<T>(answer: T, which: (request: SeenRequest) => boolean, times = 1) {
  let left = times
  return (request: SeenRequest): T | undefined =>
    which(request) && left-- > 0 ? answer : undefined
}

async function fails(work: Promise<unknown>, code: string): Promise<AccelError> {
  let caught: unknown
  await work.catch((error: unknown) => (caught = error))
  assert.equal((caught as AccelError | undefined)?.code, code, String(caught))
  return caught as AccelError
}

for (const kind of ['s3', 'oss'] as const) {
  test(`${kind}: a small blob is one request, and is not sent again`, async () => {
    await using server = await startObjectServer()
    const got = await push(server, { kind, partSize: 2_000_000 })
    assert.equal(got.outcome, 'uploaded')
    assert.equal(got.progress.at(-1), blob.size)
    assert.ok(stored(server))
    assert.equal((await push(server, { kind })).outcome, 'exists')
    assert.deepEqual(server.lines(), [
      'HEAD /bucket/pre/DIGEST',
      'PUT /bucket/pre/DIGEST',
      'HEAD /bucket/pre/DIGEST',
    ])
  })

  test(`${kind}: a large blob is sent in parts and put together at the end`, async () => {
    await using server = await startObjectServer()
    const got = await push(server, { kind })
    assert.equal(got.outcome, 'uploaded')
    assert.ok(stored(server))
    const lines = server.lines()
    assert.deepEqual(lines.slice(0, 2), [
      'HEAD /bucket/pre/DIGEST',
      'POST /bucket/pre/DIGEST?uploads',
    ])
    assert.deepEqual(lines.slice(2, 5).toSorted(), [
      'PUT /bucket/pre/DIGEST?partNumber=1&ID',
      'PUT /bucket/pre/DIGEST?partNumber=2&ID',
      'PUT /bucket/pre/DIGEST?partNumber=3&ID',
    ])
    assert.deepEqual(lines.slice(5), ['POST /bucket/pre/DIGEST?ID'])
    assert.deepEqual(server.uploads.size, 0)
    assert.deepEqual(
      got.progress,
      got.progress.toSorted((a, b) => a - b),
    )
  })

  test(`${kind}: every request is signed and none holds the secret`, async () => {
    await using server = await startObjectServer()
    await push(server, { kind })
    for (const { headers, path, query } of server.seen) {
      const form =
        kind === 's3'
          ? /^AWS4-HMAC-SHA256 Credential=the-id\/20260101\/r\/s3\/aws4_request, /
          : /^OSS4-HMAC-SHA256 Credential=the-id\/20260101\/cn-hangzhou\/oss\/aliyun_v4_request,/
      assert.match(headers.authorization ?? '', form)
      assert.doesNotMatch(JSON.stringify([headers, path, [...query]]), /the-secret/)
    }
  })
}

test('an object of another size is replaced, and one with another digest where the store tells it', async () => {
  for (const damaged of [bytes.subarray(1), Buffer.alloc(bytes.length)]) {
    await using server = await startObjectServer()
    server.objects.set(`/bucket/pre/${hexOf(blob.digest)}`, Buffer.from(damaged))
    assert.equal((await push(server)).outcome, 'uploaded')
    assert.ok(stored(server))
  }
})

test('with force the object is written again without a look', async () => {
  await using server = await startObjectServer()
  await push(server)
  assert.equal((await push(server, { force: true })).outcome, 'uploaded')
  assert.equal(server.lines().filter((line) => line.startsWith('HEAD')).length, 1)
})

test('a part that breaks, is refused for now or damaged on the way is sent again', async () => {
  const answers = [
    'reset',
    refuse(503, 'SlowDown'),
    refuse(500, 'InternalError'),
    refuse(400, 'RequestTimeout'),
    { status: 429, headers: { 'retry-after': '7' } },
  ] as const
  for (const answer of answers) {
    await using server = await startObjectServer(once(answer, (request) => isPart(request, 2)))
    const got = await push(server)
    assert.equal(got.outcome, 'uploaded')
    assert.ok(stored(server))
    assert.equal(got.sleeps.length, 1)
    if (typeof answer === 'object' && answer.status === 429) assert.deepEqual(got.sleeps, [7000])
  }
})

test('a part that stays refused aborts the upload; nothing is left', async () => {
  for (const [answer, code, attempts] of [
    [refuse(503, 'SlowDown', 'reduce your request rate'), 'BACKEND_UNAVAILABLE', 5],
    ['reset', 'BACKEND_UNREACHABLE', 5],
    [refuse(403, 'AccessDenied', 'no'), 'BACKEND_DENIED', 1],
    [refuse(400, 'BadDigest'), 'BACKEND_REFUSED', 1],
    [{ status: 307, headers: { location: 'http://127.0.0.1:1/' } }, 'BACKEND_REFUSED', 1],
  ] as const) {
    await using server = await startObjectServer((request) =>
      isPart(request, 2) ? answer : undefined,
    )
    const error = await fails(push(server), code)
    assert.match(error.message, /part 2/)
    assert.doesNotMatch(error.message, /the-secret/)
    assert.equal(server.seen.filter((request) => isPart(request, 2)).length, attempts)
    assert.equal(server.lines().at(-1), 'DELETE /bucket/pre/DIGEST?ID')
    assert.deepEqual([server.uploads.size, server.objects.size], [0, 0])
  }
})

test('an upload that cannot be aborted fails with what failed before', async () => {
  await using server = await startObjectServer((request) =>
    isPart(request, 1) || request.method === 'DELETE' ? refuse(403, 'AccessDenied') : undefined,
  )
  await fails(push(server), 'BACKEND_DENIED')
})

test('a failure inside the answer 200 to the last step is one, and is tried again', async () => {
  const inside = { ...(refuse(200, 'InternalError') as object), status: 200 }
  const last = (request: SeenRequest): boolean =>
    request.method === 'POST' && !request.query.has('uploads')
  await using server = await startObjectServer(once(inside, last))
  assert.equal((await push(server)).outcome, 'uploaded')
  await using failing = await startObjectServer(once(inside, last, 99))
  await fails(push(failing), 'BACKEND_UNAVAILABLE')
  assert.deepEqual([failing.uploads.size, failing.objects.size], [0, 0])
})

test('an object that was put together although the answer was lost is found', async () => {
  let lost = false
  await using server = await startObjectServer((request, { uploads, objects }) => {
    if (lost || request.method !== 'POST' || request.query.has('uploads')) return undefined
    lost = true
    const [[id, parts]] = [...uploads] as [[string, Map<number, Buffer>]]
    const ordered = [...parts].toSorted(([a], [b]) => a - b).map(([, part]) => part)
    objects.set(decodeURIComponent(request.path), Buffer.concat(ordered))
    uploads.delete(id)
    return 'reset'
  })
  assert.equal((await push(server)).outcome, 'uploaded')
  assert.ok(stored(server))
})

test('an upload that the store lost is an error', async () => {
  await using server = await startObjectServer((request) =>
    request.method === 'POST' && request.query.has('uploadId')
      ? refuse(404, 'NoSuchUpload')
      : undefined,
  )
  await fails(push(server), 'BACKEND_REFUSED')
  assert.deepEqual([server.uploads.size, server.objects.size], [0, 0])
})

test('bytes that are not the blob: nothing is put together', async () => {
  const damaged = Buffer.from(bytes)
  damaged[bytes.length - 1]! ^= 1
  for (const [content, code] of [
    [damaged, 'CONTENT_DIGEST_MISMATCH'],
    [bytes.subarray(1), 'CONTENT_SIZE_MISMATCH'],
    [Buffer.concat([bytes, bytes]), 'CONTENT_SIZE_MISMATCH'],
  ] as const) {
    for (const partSize of [400_000, 2_000_000]) {
      await using server = await startObjectServer()
      await fails(push(server, { content, partSize }), code)
      assert.deepEqual([server.uploads.size, server.objects.size], [0, 0])
    }
  }
})

test('an abort stops at once, aborts the upload and says ABORTED', async () => {
  const controller = new AbortController()
  let aborted: (() => void) | undefined
  const cleaned = new Promise<void>((resolve) => (aborted = resolve))
  await using server = await startObjectServer((request) => {
    if (isPart(request, 1)) {
      controller.abort()
      return 'silence'
    }
    if (request.method === 'DELETE') aborted?.()
    return undefined
  })
  await fails(push(server, { signal: controller.signal }), 'ABORTED')
  await cleaned
  assert.equal(server.objects.size, 0)
})

test('an answer that makes no sense is told as such', async () => {
  await using noId = await startObjectServer((request) =>
    request.query.has('uploads') ? { status: 200, body: '<html>hello</html>' } : undefined,
  )
  await fails(push(noId), 'BACKEND_ANSWER_INVALID')
  await using noTag = await startObjectServer((request) =>
    isPart(request, 1) ? { status: 200 } : undefined,
  )
  await fails(push(noTag), 'BACKEND_ANSWER_INVALID')
  assert.equal(noTag.uploads.size, 0)
})

test('the words of the store are shown, cleaned, with the region where the bucket is', async () => {
  const { body } = refuse(301, 'PermanentRedirect', 'use\u0007 the &lt;right&gt;\nendpoint') as {
    body: string
  }
  await using server = await startObjectServer((request) =>
    request.method === 'PUT'
      ? { status: 301, body, headers: { 'x-amz-bucket-region': 'eu-north-1' } }
      : undefined,
  )
  const { message } = await fails(push(server, { partSize: 2_000_000 }), 'BACKEND_REFUSED')
  assert.match(
    message,
    /answered 301; PermanentRedirect: use the <right> endpoint \(the bucket is in eu-north-1\)$/,
  )
})
