import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, suite, test, type TestContext } from 'node:test'
import type { EstimateReport } from '../estimate/report.ts'
import { openLayoutTarget } from '../layout/location.ts'
import { ACCELERATION_DRIVER_NAME } from '../oci/annotation.ts'
import {
  buildHelmChart,
  buildImage,
  buildLayer,
  pushBuilt,
  type BuiltImage,
} from '../testing/image-builder.ts'
import { startTestRegistry } from '../testing/registry/test-registry.ts'
import { recordOutput } from '../testing/service/recorded-output.ts'
import { testTar } from '../testing/tar-builder.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { runAccelctl } from './accelctl.ts'

const layer = buildLayer(
  testTar().directory('etc/').file('etc/motd', 'hello\n'.repeat(2000)).bytes(),
)
const image = buildImage({ layers: [layer] })

const registry = await startTestRegistry()
after(() => registry.close())
{
  const put = (built: BuiltImage, name: string): Promise<unknown> =>
    pushBuilt(built, registry.repository(name), { tag: 'v1' })
  await put(image, 'app')
  await put(buildHelmChart(), 'chart')
  await put(buildImage({ layers: [] }), 'nothing')
  await put(buildImage({ layers: [buildLayer(testTar().bytes())] }), 'empty')
  const annotations = { [ACCELERATION_DRIVER_NAME]: 'nydus' }
  await put(buildImage({ layers: [layer], annotations }), 'converted')
  await put(buildImage({ layers: [buildLayer(Buffer.alloc(4096, 'no tar'))] }), 'broken')
}

/** Runs `accelctl estimate`. */
async function run(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const stdout = recordOutput()
  const stderr = recordOutput()
  const io = { stdout, stderr, environment: {}, signal: new AbortController().signal }
  const openConversions = () => Promise.reject(new Error('nothing is converted'))
  const code = await runAccelctl(['estimate', ...argv], io, { openConversions })
  return { code, stdout: stdout.text, stderr: stderr.text }
}

async function configFile(t: TestContext): Promise<string> {
  const folder = await temporaryDirectory(t)
  const file = join(folder, 'config.yaml')
  const provider = { source: { [registry.host]: {} }, work_dir: join(folder, 'work') }
  await writeFile(file, JSON.stringify({ provider, converter: { driver: { type: 'estargz' } } }))
  return file
}

async function reportOf(t: TestContext, ...argv: string[]): Promise<EstimateReport> {
  const { code, stdout, stderr } = await run('--config', await configFile(t), '--json', ...argv)
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout) as EstimateReport
}

suite('accelctl estimate', () => {
  test('a table for people, and what to do', async (t) => {
    const { code, stdout } = await run(`${registry.host}/app:v1`, '--config', await configFile(t))
    assert.equal(code, 0)
    assert.match(stdout, /linux\/amd64: 1 layer, .* 1 file, 100 % of them below 16 KiB/)
    for (const name of ['estargz', 'zstdchunked', 'nydus', 'nydus-v5', 'oci_ref']) {
      assert.match(stdout, new RegExp(`^${name}\\t+\\d`, 'm'))
    }
    assert.match(stdout, /^not worth it: an ordinary client has all .* in 0\.0 s at 125 MB\/s$/m)
  })

  test('JSON has the same, of the formats that are asked for', async (t) => {
    const report = await reportOf(t, '--format', 'nydus,estargz', `${registry.host}/app:v1`)
    assert.deepEqual(
      report.formats.map(({ name }) => name),
      ['estargz', 'nydus'],
    )
    assert.equal(report.sourceDigest, image.descriptor.digest)
    assert.equal(report.verdict.worth, 'no')
    assert.equal(report.looked.bytes, layer.descriptor.size)
  })

  test('a slow network changes what it is worth', async (t) => {
    const slow = await reportOf(t, '--bandwidth', '0.001Mbit', `${registry.host}/app:v1`)
    assert.notEqual(slow.verdict.worth, 'no')
    assert(slow.ordinary.seconds > 1)
  })

  test('an image on the local disk needs no configuration', async (t) => {
    const location = `oci:${await temporaryDirectory(t)}`
    const { target } = await openLayoutTarget(location)
    await pushBuilt(image, target, { tag: 'v1' })
    const { code, stdout } = await run('--json', location)
    assert.equal(code, 0)
    const { formats, ordinary } = JSON.parse(stdout) as EstimateReport
    const ref = formats.find(({ name }) => name === 'oci_ref')!
    assert(ref.newBytes > ordinary.bytes, 'nothing of it is in a registry yet')
  })

  test('an image without content', async (t) => {
    const { formats, images } = await reportOf(t, `${registry.host}/empty:v1`)
    assert.deepEqual([images[0]!.entries, formats.length], [0, 5])
  })

  for (const [name, reason] of [
    ['converted', /it has been converted already, by the driver nydus/],
    ['chart', /it is no image but an artifact of type application\/vnd\.cncf\.helm/],
    ['nothing', /it has no layers/],
  ] as const) {
    test(`nothing would be converted: ${name}`, async (t) => {
      const argv = [`${registry.host}/${name}:v1`, '--config', await configFile(t)]
      const { code, stdout } = await run(...argv)
      assert.equal(code, 0)
      assert.match(stdout, reason)
      const { stdout: json } = await run(...argv, '--json')
      assert.match((JSON.parse(json) as { skipped: string }).skipped, reason)
    })
  }
})

suite('what cannot be estimated', () => {
  test('a layer that is damaged', async (t) => {
    const { code, stderr } = await run(
      `${registry.host}/broken:v1`,
      '--config',
      await configFile(t),
    )
    assert.equal(code, 1)
    assert.match(stderr, /FORMAT_INVALID/)
    assert.match(stderr, /broken.* layer 1 \(sha256:/)
  })

  test('an image that is not there, a registry that is not configured', async (t) => {
    const config = await configFile(t)
    const missing = await run(`${registry.host}/app:v2`, '--config', config)
    assert.deepEqual([missing.code, /CONTENT_NOT_FOUND/.test(missing.stderr)], [1, true])
    const elsewhere = await run('registry.invalid/app:v1', '--config', config)
    assert.match(elsewhere.stderr, /REGISTRY_HOST_NOT_CONFIGURED/)
  })

  for (const [argv, problem] of [
    [[], /CONFIG_ARGUMENT_MISSING/],
    [['app'], /--config/],
    [['app', '--format', 'squashfs'], /"squashfs" is none of estargz, zstdchunked, nydus/],
    [['app', '--sample', '1KiB'], /not a size/],
    [['app', '--bandwidth', 'fast'], /100Mbit or 1Gbit/],
    [['app', '--bandwidth', '0Gbit'], /100Mbit or 1Gbit/],
    [['oci:/nowhere', '--trace', '/nowhere/a.trace'], /CONFIG_UNREADABLE.*|a\.trace/],
    [['oci:/nowhere'], /LAYOUT_INVALID/],
  ] as const) {
    test(`estimate ${argv.join(' ')}`, async () => {
      const { code, stderr } = await run(...argv)
      assert.equal(code, 1)
      assert.match(stderr, problem)
    })
  }
})
