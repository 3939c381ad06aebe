import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { openDecoder } from '../formats/layer-decoder.ts'
import { TarReader } from '../formats/tar/reader.ts'
import { openStreamHash } from '../streams/twin-hash.ts'
import { decodeAll } from '../testing/decode.ts'
import { inlineHost } from '../testing/inline-host.ts'
import { memoryFile } from '../testing/memory-file.ts'
import { viewInflated } from './inflated-view.ts'
import type { LayerHost } from '../threads/layer-host.ts'
import { run as readBack } from './lazy-layer-job.ts'
import { readLazyLayer } from './lazy-layer.ts'
import { run } from '../drivers/estargz/inflate-back-batch.ts'
import { InflatedLayerRecord, type InflatedLayer } from '../drivers/estargz/inflated-layer.ts'
import { LayerBuild } from '../drivers/estargz/layer-build.ts'
import type { LazyFormat } from '../drivers/estargz/layer-writer.ts'

const gz = readFileSync(new URL('../../test/fixtures/estargz/input.tar.gz', import.meta.url))
const tar = decodeAll(openDecoder({ what: 'a fixture' }), gz)

const formats: LazyFormat[] = [
  { kind: 'estargz', level: 1, chunkSize: 65_536, minChunkSize: 0 },
  { kind: 'estargz', level: 1, chunkSize: 65_536, minChunkSize: 50_000 },
  { kind: 'zstd-chunked', dialect: 'stargz', level: 3, chunkSize: 65_536, minChunkSize: 0 },
  {
    kind: 'zstd-chunked',
    dialect: 'stargz',
    level: 3,
    chunkSize: 65_536,
    rolling: { smallest: 8192 },
    minChunkSize: 0,
  },
]

/** A blob, and what came out of it while it was made. */
async function made(format: LazyFormat, inflateBack?: InflatedLayerRecord) {
  const pieces: Uint8Array[] = []
  const host = inlineHost(1024 * 1024)
  const output = {
    write: (bytes: Uint8Array) => void pieces.push(bytes.slice()),
    tarHash: openStreamHash(),
    inflateBack,
  }
  const build = new LayerBuild(host, { what: 'a layer', format, lower: undefined, output })
  await build.landmark(false)
  const reader = new TarReader({ what: 'a layer' })
  reader.push(tar)
  reader.end()
  for (let event = reader.next(); event !== undefined; event = reader.next()) {
    await build.take(event)
  }
  const { blob } = await build.finish()
  assert.equal(host.taken, 0)
  return { bytes: Buffer.concat(pieces), blob: blob! }
}

suite('a layer whose members are inflated while it is made', () => {
  for (const format of formats) {
    const { kind, minChunkSize } = format
    const rolling = format.kind === 'zstd-chunked' && format.rolling !== undefined
    test(`${kind} ${rolling ? 'rolling' : minChunkSize}: is the same, and seen as by who reads it`, async () => {
      const record = new InflatedLayerRecord('a layer')
      const { bytes, blob } = await made(format, record)
      const plain = await made(format)
      assert(bytes.equals(plain.bytes))
      assert.deepEqual(blob, plain.blob)
      const init = { what: 'a layer', format: kind }
      const inflated = record.finish(blob.diffId)!
      const view = await viewInflated(memoryFile(bytes), inflated, init)
      const read = await readLazyLayer(inlineHost(), memoryFile(bytes), init)
      assert.deepEqual(read.findings.kept, [])
      assert.deepEqual(view!.lazy.bytes, read.lazy.bytes)
      assert.deepEqual(view!.ordinary.bytes, read.ordinary.bytes)
      assert.equal(view!.diffId, read.diffId)
    })

    test(`${kind} ${rolling ? 'rolling' : minChunkSize}: passes with no other byte where its files are`, async () => {
      const record = new InflatedLayerRecord('a layer')
      const { bytes, blob } = await made(format, record)
      const inflated = record.finish(blob.diffId)!
      for (let at = 0; at < bytes.length - blob.indexSize; at += 997) {
        const damaged = Buffer.from(bytes)
        damaged[at]! ^= 1
        const init = { what: 'a layer', format: kind }
        assert.equal(await viewInflated(memoryFile(damaged), inflated, init), undefined, `${at}`)
      }
    })
  }

  test('a record of another blob is of no use: the blob is read', async () => {
    const record = new InflatedLayerRecord('a layer')
    const { bytes, blob } = await made(formats[0]!, record)
    const inflated = record.finish(blob.diffId)!
    const directory = mkdtempSync(join(tmpdir(), 'inflated-'))
    try {
      const path = join(directory, 'blob')
      writeFileSync(path, bytes)
      const view = (known?: InflatedLayer) => {
        const host = Object.assign(inlineHost(), { transfer: [] }) as unknown as LayerHost
        return readBack({ what: 'a layer', format: 'estargz', path, inflated: known }, host)
      }
      const read = await view()
      const runDigests = new Uint8Array(inflated.runDigests.length)
      assert.deepEqual(await view({ ...inflated, runDigests }), read)
      assert.deepEqual(await view(inflated), read)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  test('members are inflated in the place of what they were made of, to the end of the slab', () => {
    const text = Buffer.alloc(100_000, 'some text, ')
    for (const format of ['gzip', 'zstd'] as const) {
      const input = Uint8Array.from(text)
      const ends = Uint32Array.of(50_000, 100_000)
      const parts = Uint32Array.of(10, 20, 50_000, 100_000)
      const output = new Uint8Array(200_000)
      const { whole, digests } = run({ codec: { format, level: 1 }, ends, parts }, input, output)
      assert(whole)
      assert(text.equals(input))
      const want = [text.subarray(10, 20), text.subarray(50_000)]
      assert.equal(digests, want.map((part) => hash('sha256', part, 'hex')).join(''))
    }
  })

  test('nothing is known of one with a member that did not come out', () => {
    const record = new InflatedLayerRecord('a layer')
    const batch = {
      codec: { format: 'zstd', level: 1 },
      ends: Uint32Array.of(1024),
      parts: new Uint32Array(0),
    } as const
    const result = run(batch, new Uint8Array(1024), new Uint8Array(2048))
    record.take(new Uint8Array(1024), batch, { ...result, whole: false })
    assert.equal(record.finish(`sha256:${'0'.repeat(64)}` as never), undefined)
  })
})
