import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { parseConfig } from '../config/load.ts'
import { openLayoutTarget } from '../layout/location.ts'
import { buildElf } from '../testing/build-elf.ts'
import { buildImage, buildLayer, pushBuilt } from '../testing/image-builder.ts'
import { seeded } from '../testing/random-file-tree.ts'
import { testTar } from '../testing/tar-builder.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import type { Trace } from '../trace/trace.ts'
import { estimate } from './estimate.ts'
import type { EstimateReport } from './report.ts'

const program = buildElf({ interpreter: '/lib/ld.so', needed: ['libapp.so.1'] })
const library = buildElf({})
const old = Buffer.alloc(50_000, 'an older library ')
const chance = seeded(1)
const noise = Buffer.from(Array.from({ length: 600_000 }, () => chance(256)))

const lower = buildLayer(
  testTar()
    .file('etc/ld.so.conf', '/opt/lib\n')
    .file('lib/ld.so', library, { mode: 0o755 })
    .file('opt/lib/libapp.so.1', old)
    .file('opt/data', noise)
    .bytes(),
)
const upper = buildLayer(
  testTar()
    .file('usr/bin/app', program, { mode: 0o755 })
    .symlink('bin', 'usr/bin')
    .file('opt/lib/libapp.so.1', library)
    .bytes(),
)
const image = buildImage({ layers: [lower, upper], config: { config: { Cmd: ['/bin/app'] } } })

async function estimated(
  t: TestContext,
  of: typeof image,
  { trace, sample = 'full' }: { trace?: Trace; sample?: number | 'full' } = {},
): Promise<EstimateReport> {
  const location = `oci:${await temporaryDirectory(t)}`
  const { target } = await openLayoutTarget(location)
  await pushBuilt(of, target, { tag: 'v1' })
  const report = await estimate(
    {
      source: location,
      formats: ['estargz', 'nydus', 'oci_ref'],
      platforms: [],
      sample,
      ...(trace === undefined ? {} : { trace }),
      bandwidth: 125e6,
      signal: t.signal,
    },
    parseConfig('converter: {driver: {type: estargz}}', 'test', { environment: {} }).config,
    {},
    { environment: {} },
  )
  assert(report.skipped === undefined)
  return report
}

const filesOf = ({ formats }: EstimateReport): number[] => formats.map(({ lazy }) => lazy.files)

suite('what a container reads before it runs', () => {
  test('the program that the image starts and what it is loaded with, of the layer on top', async (t) => {
    const { start } = await estimated(t, image)
    const bytes = program.length + 2 * library.length
    assert.deepEqual(start, { kind: 'start set', files: 3, bytes, missing: [], notes: [] })
  })

  test('what a trace says, through symlinks, all of a file or parts of it', async (t) => {
    const trace = [
      { path: 'bin/app' },
      { path: 'usr/bin/app' },
      { path: 'opt/data', range: { offset: 10, length: 90 } },
      { path: 'opt/data', range: { offset: 50, length: 100 } },
      { path: 'opt/data', range: { offset: 599_990, length: 100 } },
    ]
    const { start } = await estimated(t, image, { trace })
    assert.deepEqual(start, {
      kind: 'trace',
      files: 2,
      bytes: program.length + 140 + 10,
      missing: [],
      notes: [],
    })
  })

  test('parts cost their chunks, and a file that is not there is named', async (t) => {
    const part = { path: 'opt/data', range: { offset: 0, length: 1 } }
    const small = await estimated(t, image, { trace: [part, { path: 'opt/gone' }] })
    assert.deepEqual([small.start.files, small.start.missing], [1, ['opt/gone']])
    const whole = await estimated(t, image, { trace: [{ path: 'opt/data' }] })
    // the file is smaller than a chunk
    assert.deepEqual(filesOf(small).slice(0, 2), filesOf(whole).slice(0, 2))
    assert(filesOf(whole)[1]! > 500_000, filesOf(whole).join())
  })

  test('the share of the field where all of it was not seen, or nothing is started', async (t) => {
    const { start } = await estimated(t, buildImage({ layers: [lower] }))
    assert.deepEqual(
      [start.kind, start.bytes],
      ['share', Math.round(0.064 * (noise.length + old.length + library.length + 9))],
    )
    const sampled = await estimated(t, image, { sample: 50_000 })
    assert.equal(sampled.start.kind, 'share')
  })

  test('paths that lie in what was not seen are thought to be like the others', async (t) => {
    const trace = [{ path: 'lib/ld.so' }, { path: 'opt/unseen-1' }, { path: 'opt/unseen-2' }]
    const { start } = await estimated(t, image, { sample: 50_000, trace })
    assert.deepEqual([start.files, start.missing?.length, start.bytes], [1, 2, 3 * library.length])
  })
})
