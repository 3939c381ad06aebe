import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test, type TestContext } from 'node:test'
import type { ReadReport } from '../bench-read/report.ts'
import { parseConfig } from '../config/load.ts'
import { openConversionService } from '../convert/service.ts'
import { buildImage, buildLayer, pushBuilt } from '../testing/image-builder.ts'
import { startTestRegistry } from '../testing/registry/test-registry.ts'
import { recordOutput } from '../testing/service/recorded-output.ts'
import { testTar } from '../testing/tar-builder.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { runAccelctl } from './accelctl.ts'

const registry = await startTestRegistry()
after(() => registry.close())
const image = (motd: string): ReturnType<typeof buildImage> =>
  buildImage({
    layers: [
      buildLayer(testTar().file('etc/motd', motd).file('usr/large', Buffer.alloc(300_000)).bytes()),
    ],
  })
await pushBuilt(image('hello'), registry.repository('app'), { tag: 'v1' })
await pushBuilt(image('other'), registry.repository('app'), { tag: 'v2' })

const yaml = (folder: string): string => `
provider: {source: {"${registry.host}": {}}, work_dir: ${folder}/work}
converter: {driver: {type: estargz}, rules: [{tag_suffix: -esgz}]}`

{
  const folder = await mkdtemp(join(tmpdir(), 'bench-read-'))
  await using service = await openConversionService(parseConfig(yaml(folder), 'c.yaml').config)
  const quiet = { signal: new AbortController().signal, onEvent() {} }
  await service.convert({ source: `${registry.host}/app:v1` }, quiet)
  await rm(folder, { recursive: true })
}

async function bench(
  t: TestContext,
  ...args: string[]
): Promise<{ code: number; out: string; said: string }> {
  const folder = await temporaryDirectory(t)
  const [config, trace] = [join(folder, 'config.yaml'), join(folder, 'motd.trace')]
  await writeFile(config, yaml(folder))
  await writeFile(trace, '/etc/motd\n/usr/large 10 20\n/none\n')
  const [stdout, stderr] = [recordOutput(), recordOutput()]
  const io = { stdout, stderr, environment: {}, signal: t.signal }
  const openConversions = (): Promise<never> => Promise.reject(new Error('nothing is converted'))
  const own = args.map((text) => text.replace('HOST', registry.host).replace('TRACE', trace))
  const code = await runAccelctl(['bench-read', '--config', config, ...own], io, {
    openConversions,
  })
  const shown = (text: string): string =>
    text.replaceAll(registry.host, 'HOST').replaceAll(folder, '')
  return { code, out: shown(stdout.text), said: shown(stderr.text) }
}

suite('accelctl bench-read', () => {
  test('prints a table of the image and of what was made of it', async (t) => {
    const { code, out } = await bench(
      t,
      '--trace',
      'TRACE',
      '--latency',
      '1',
      '--bandwidth',
      '1Gbit',
      '--runs',
      '2',
      'HOST/app:v1',
    )
    assert.equal(code, 0)
    const [how, empty, head, plain, lazy, , note] = out.split('\n')
    assert.equal(
      how,
      '3 reads of /motd.trace, one after the other; 1 ms waited before each request, 125 MB in a second at most; medians of 2 runs',
    )
    assert.equal(empty, '')
    assert.match(head!, /^FORMAT\t+REQUESTS\tBYTES\t+OF IMAGE\t.*\tREAD P95\tIMAGE$/)
    assert.match(plain!, /^ordinary\t4\t+.* kB\t100\.0 %\t.*\t-\t+-\t+HOST\/app:v1$/)
    assert.match(lazy!, /^estargz\t+\d+\t.*\d ms\t+HOST\/app:v1-esgz$/)
    assert.equal(note, '1 reads are of paths that are no files in the image')
  })

  test('prints the report as JSON', async (t) => {
    const { code, out } = await bench(
      t,
      '--json',
      '--trace',
      'TRACE',
      'HOST/app:v1',
      'HOST/app:v1-esgz',
    )
    assert.equal(code, 0)
    const { images, trace, runs } = JSON.parse(out) as ReadReport
    assert.deepEqual(
      images.map(({ format, image, platform, missing }) => [format, image, platform, missing]),
      [
        ['ordinary', 'HOST/app:v1', 'linux/amd64', 1],
        ['estargz', 'HOST/app:v1-esgz', 'linux/amd64', 1],
      ],
    )
    assert.deepEqual(
      [trace, runs],
      [{ reads: { 'linux/amd64': 3 }, notes: [], file: '/motd.trace' }, 1],
    )
  })

  test('says what is wrong', async (t) => {
    const cases: [string[], number, RegExp][] = [
      [[], 1, /source is required/],
      [['--bandwidth', '10 MB', 'HOST/app:v1'], 1, /Write 100Mbit or 1Gbit/],
      [['--runs', '0', 'HOST/app:v1'], 1, /It must be a number from 1 on/],
      [['--latency', '-1', 'HOST/app:v1'], 1, /It must be a number of milliseconds/],
      [['--trace', '/none', 'HOST/app:v1'], 1, /cannot read \/none: ENOENT/],
      [['--platform', 'linux/s390x', 'HOST/app:v1'], 1, /no image for this platform/],
      [['HOST/app:none'], 1, /CONTENT_NOT_FOUND/],
      [
        ['--trace', 'TRACE', 'HOST/app:v2', 'HOST/app:v1-esgz'],
        3,
        /etc\/motd is not the same in HOST\/app:v1-esgz and in HOST\/app:v2/,
      ],
    ]
    for (const [args, expected, message] of cases) {
      const { code, said } = await bench(t, ...args)
      assert.equal(code, expected, said)
      assert.match(said, message)
    }
  })
})
