/** The S3 backend against a server that we did not write, which checks every signature and checksum. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { CHECKSUMS } from '../../src/backends/checksum.ts'
import { type BackendInit, openBackend } from '../../src/backends/backend.ts'
import { parseBackendConfig } from '../../src/backends/settings.ts'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import { digestOf, hexOf } from '../../src/oci/digest.ts'
import type { ByteSource } from '../../src/streams/byte-source.ts'
import type { BlobStore } from '../../src/transport/image-transport.ts'
import { findProgram } from './command.ts'
import { type S3Server, startS3Server } from './s3-server.ts'

const reason =
  findProgram('versitygw') === undefined ? 'versitygw is not installed; see docs/interop.md' : false

const MIB = 1024 * 1024

suite('an S3 server', { skip: reason }, () => {
  let folder: string
  let server: S3Server
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'accel-s3-'))
    server = await startS3Server(folder)
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  function store(members: Record<string, string> = {}, init: BackendInit = {}): BlobStore {
    const config = {
      endpoint: server.address,
      scheme: 'http',
      region: server.region,
      bucket_name: server.bucket,
      access_key_id: server.account.id,
      access_key_secret: server.account.secret,
      ...members,
    }
    const fail = (member: string, problem: string): never => assert.fail(`${member}: ${problem}`)
    return openBackend(parseBackendConfig('s3', JSON.stringify(config), {}, fail), init)
  }

  function push(to: BlobStore, bytes: Uint8Array, open = () => pieces(bytes)): Promise<string> {
    return to.pushBlob(describe(bytes), open)
  }

  for (const checksum of [...CHECKSUMS, '']) {
    test(`a blob as one request and in parts, checksum ${checksum || 'none'}`, async () => {
      const to = store({ checksum_algorithm: checksum, object_prefix: `p ä+(${checksum})/` })
      for (const bytes of [randomBytes(70_000), randomBytes(20 * MIB + 7)]) {
        assert.equal(await push(to, bytes), 'uploaded')
        const path = join(server.objects, `p ä+(${checksum})`, hexOf(digestOf(bytes)))
        assert.equal(digestOf(readFileSync(path)), digestOf(bytes))
        assert.equal(await push(to, bytes), 'exists')
      }
      assert.deepEqual(server.unfinished(), [])
    })
  }

  test('an object of the wrong size is replaced; one that is right only when it is forced', async () => {
    const bytes = randomBytes(100_000)
    await push(store(), bytes)
    const path = join(server.objects, hexOf(digestOf(bytes)))
    truncateSync(path, 99_999)
    assert.equal(await push(store(), bytes), 'uploaded')
    assert.equal(digestOf(readFileSync(path)), digestOf(bytes))
    assert.equal(await push(store({}, { force: true }), bytes), 'uploaded')
  })

  test('bytes that are not the blob leave neither object nor parts', async () => {
    for (const size of [50_000, 12 * MIB]) {
      const bytes = randomBytes(size)
      const damaged = Buffer.from(bytes)
      damaged[size - 1]! ^= 1
      await assert.rejects(
        push(store(), bytes, () => pieces(damaged)),
        { code: 'CONTENT_DIGEST_MISMATCH' },
      )
      assert.throws(() => readFileSync(join(server.objects, hexOf(digestOf(bytes)))), {
        code: 'ENOENT',
      })
    }
    assert.deepEqual(server.unfinished(), [])
  })

  test('a wrong secret, region or bucket is said, and the secret is not', async () => {
    const bytes = randomBytes(1000)
    const wrong = [
      [{ access_key_secret: 'not-the-secret' }, 'BACKEND_DENIED'],
      [{ region: 'elsewhere' }, /^BACKEND_(DENIED|REFUSED)$/],
      [{ bucket_name: 'no-such-bucket' }, 'BACKEND_REFUSED'],
    ] as const
    for (const [members, code] of wrong) {
      await assert.rejects(push(store(members, { force: true }), bytes), (error: Error) => {
        assert.match(String((error as { code?: unknown }).code), new RegExp(code))
        assert.doesNotMatch(error.message, /not-the-secret|interop\/secret/)
        return true
      })
    }
  })

  test('many blobs at once', async () => {
    const to = store()
    const blobs = Array.from({ length: 12 }, (_, i) => randomBytes(i * MIB + 1))
    const outcomes = await Promise.all(blobs.map((bytes) => push(to, bytes)))
    assert.deepEqual(new Set(outcomes), new Set(['uploaded']))
    for (const bytes of blobs) {
      const stored = readFileSync(join(server.objects, hexOf(digestOf(bytes))))
      assert.equal(digestOf(stored), digestOf(bytes))
    }
  })

  test('memory stays below its bound while a large blob is sent', async () => {
    const size = 600 * MIB
    const block = randomBytes(MIB)
    const hash = createHash('sha256')
    for (let i = 0; i < size / MIB; i++) hash.update(block)
    const digest = `sha256:${hash.digest('hex')}` as Descriptor['digest']
    let highest = 0
    async function* source(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < size / MIB; i++) {
        highest = Math.max(highest, process.memoryUsage().arrayBuffers)
        yield block
      }
    }
    await store().pushBlob({ mediaType: 'x', digest, size }, source)
    console.log(`array buffers at the most: ${Math.round(highest / MIB)} MiB`)
    assert.ok(highest < 200 * MIB, `${highest} bytes`)
  })
})

function describe(bytes: Uint8Array): Descriptor {
  return { mediaType: 'x', digest: digestOf(bytes), size: bytes.length }
}

async function* pieces(bytes: Uint8Array): ByteSource & AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 300_000) yield bytes.subarray(at, at + 300_000)
}
