/** Blobs that the reference wrote: read by our reader, and made again by our driver from the same tar. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, suite, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { openEstargz, type Estargz } from '../../formats/estargz/read.ts'
import { openDriverBench, type DriverBench } from '../../testing/driver-suite.ts'
import { buildLayer } from '../../testing/image-builder.ts'
import { estargz } from './index.ts'

const folder = new URL('../../../test/fixtures/estargz/', import.meta.url)

/** The blobs, the beginning of their TOC's digest, and the options that give the same here. */
const golden: Record<string, { toc: string; config?: Record<string, string> }> = {
  'default.esgz': { toc: '082b83a1', config: {} },
  // The same rows as the one above, from another program.
  'ctr-remote-0.12.0.esgz': { toc: '15b23711' },
  'chunk64k.esgz': { toc: '2e14ca4e', config: { chunk_size: '64KiB' } },
  'prioritized.esgz': {
    toc: '48415e6f',
    config: { prioritized_files: '/usr/xattr\nbin/link\ndot/file\ndoes/not/exist' },
  },
  // The reference counts compressed bytes, so its members are others.
  'minchunk50000.esgz': { toc: '956f1c34' },
}

function open(blob: Uint8Array): Promise<Estargz> {
  const readAt = async (offset: number, length: number): Promise<Uint8Array> =>
    blob.subarray(offset, offset + length)
  return openEstargz(readAt, { what: 'golden', size: blob.length })
}

suite('blobs of the reference', () => {
  let bench: DriverBench
  before(() => {
    bench = openDriverBench()
  })
  after(() => bench[Symbol.asyncDispose]())

  for (const [name, { toc, config }] of Object.entries(golden)) {
    test(`${name}: its TOC and every chunk are read`, async () => {
      const layer = await open(readFileSync(new URL(name, folder)))
      assert.equal(layer.tocDigest.slice(7, 15), toc)
      await readAll(layer)
      assert.equal(layer.entry('/usr/big.txt')?.size, 9 * 1024 * 1024 + 123)
      assert.equal(layer.entry('bin/link'), layer.entry('bin/suid'))
    })

    if (config === undefined) continue
    test(`${name}: ours has the same rows, but for offsets and times`, async () => {
      const theirs = await open(readFileSync(new URL(name, folder)))
      const input = gunzipSync(readFileSync(new URL('input.tar.gz', folder)))
      const { blob } = await bench.convert(estargz.configure(config), buildLayer(input))
      const ours = await open(blob)
      await readAll(ours)
      assert.deepEqual(comparable(ours), comparable(theirs))
    })
  }

  test('min_chunk_size: files share members, and every chunk is read', async () => {
    const input = gunzipSync(readFileSync(new URL('input.tar.gz', folder)))
    const options = estargz.configure({ min_chunk_size: '50000' })
    const layer = await open((await bench.convert(options, buildLayer(input))).blob)
    await readAll(layer)
    const files = layer.toc.entries.filter((entry) => (entry.size ?? 0) > 0)
    const members = new Set(files.map((entry) => entry.offset))
    assert(members.size < files.length - 5)
    assert(files.some((entry) => (entry.innerOffset ?? 0) > 0))
  })

  test('a TOC in another image is told', async () => {
    const blob = readFileSync(new URL('externaltoc-keepdiffid.esgz', folder))
    await assert.rejects(open(blob), { code: 'FORMAT_INVALID' })
  })
})

/** Reads every file; its chunks are verified. */
async function readAll(layer: Estargz): Promise<void> {
  for (const file of layer.toc.entries.filter((entry) => entry.type === 'reg')) {
    let size = 0
    for await (const bytes of layer.readFile(file)) size += bytes.length
    assert.equal(size, file.size ?? 0)
  }
}

/** The rows without what differs by design: offsets; the time 0, which the reference leaves out; fractions, which it rounds. */
function comparable(layer: Estargz): object[] {
  return layer.toc.entries.map(({ offset: _offset, modtime, ...entry }) => {
    const seconds = Math.round(Date.parse(modtime ?? '1970-01-01T00:00:00Z') / 1000)
    return entry.type === 'chunk' ? entry : { ...entry, modtime: seconds }
  })
}
