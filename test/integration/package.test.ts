/** What users get: the packed package, installed into an empty folder, from there on without this repository. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { after, before, suite, type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { root } from '../../scripts/source-tree.ts'
import { openLayoutTarget } from '../../src/layout/location.ts'
import { buildImage, buildLayer, pushBuilt } from '../../src/testing/image-builder.ts'
import { testTar } from '../../src/testing/tar-builder.ts'

const run = promisify(execFile)
const name = 'acceleration-service'

interface Manifest {
  version: string
  dependencies: Record<string, string>
  exports: Record<string, Record<string, string>>
  bin: Record<string, string>
}

const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest

suite('the packed package', () => {
  const home = mkdtempSync(join(tmpdir(), 'package-test-'))
  const installed = join(home, 'node_modules', name)
  let refused: string | undefined

  before(async () => {
    const packed = await node([join(root, 'scripts/pack.ts'), home], root)
    writeFileSync(join(home, 'package.json'), '{"private":true}\n')
    const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts']
    refused = await run('npm', [...args, packed.trim()], { cwd: home }).then(
      () => undefined,
      (error: unknown) => String(error),
    )
  })
  after(() => rmSync(home, { recursive: true, force: true }))

  /** Without a package registry there is nothing to install from; CI has one. */
  function needInstall(t: TestContext): boolean {
    if (refused === undefined) return true
    assert.ok(process.env.CI === undefined, refused)
    t.skip(`npm could not install the dependencies: ${refused}`)
    return false
  }

  test('installs with its dependencies alone', async (t) => {
    if (!needInstall(t)) return
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as object
    for (const member of ['private', 'scripts', 'devDependencies', 'optionalDependencies']) {
      assert.ok(!(member in manifest), `${member} is for the checkout`)
    }
    const lock = JSON.parse(readFileSync(join(home, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { dev?: boolean }>
    }
    const direct = Object.keys(lock.packages).filter((path) => path !== '')
    for (const dependency of Object.keys(own.dependencies)) {
      assert.ok(direct.includes(`node_modules/${dependency}`), `${dependency} is not installed`)
    }
    assert.ok(!direct.some((path) => path.includes('node-linux')), 'a Node came with it')
  })

  test('every file that its package.json names is there', (t) => {
    if (!needInstall(t)) return
    const named = [
      ...Object.values(own.exports).flatMap((e) => Object.values(e)),
      ...Object.values(own.bin),
    ]
    assert.deepEqual(
      named.filter((path) => !existsSync(join(installed, path))),
      [],
    )
    assert.ok(!existsSync(join(installed, 'src')), 'sources cannot run from node_modules')
  })

  /** Runs what npm has put into `node_modules/.bin`, with this Node. */
  async function installedProgram(program: string, args: string[]): Promise<string> {
    const path = [dirname(process.execPath), process.env.PATH].join(delimiter)
    const options = { cwd: home, env: { ...process.env, PATH: path } }
    return (await run(join(home, 'node_modules/.bin', program), args, options)).stdout
  }

  for (const program of Object.keys(own.bin)) {
    test(`${program} --version`, async (t) => {
      if (!needInstall(t)) return
      const stdout = await installedProgram(program, ['--version'])
      assert.ok(stdout.startsWith(`${program} version v${own.version} `), stdout)
      assert.doesNotMatch(stdout, /unknown/, 'the build is not known')
    })
  }

  for (const entry of Object.keys(own.exports)) {
    test(`import '${join(name, entry)}'`, async (t) => {
      if (!needInstall(t)) return
      const script = `console.log(Object.keys(await import('${join(name, entry)}')).length)`
      const names = await node(['--input-type=module', '--eval', script], home)
      assert.notEqual(Number(names), 0)
    })
  }

  // Threads are where the two ways to run differ: a thread is started from the file that is there.
  test('brings the dashboard, in one script', async (t) => {
    if (!needInstall(t)) return
    const module = pathToFileURL(join(installed, 'dist/http/dashboard/page-files.js')).href
    const script = `const { PAGE_PATHS, PageFiles } = await import('${module}')
      const files = new PageFiles()
      console.log(PAGE_PATHS.map((path) => files.answer(path, {}).status).join(' '))`
    assert.equal(
      (await node(['--input-type=module', '--eval', script], home)).trim(),
      '200 200 200 200',
    )
    assert.deepEqual(readdirSync(join(installed, 'dist/dashboard')), ['bundle'])
  })

  test('converts an image, on threads', async (t) => {
    if (!needInstall(t)) return
    const tar = testTar().directory('d/').file('d/f', 'data\n'.repeat(100_000)).bytes()
    const image = buildImage({ layers: [buildLayer(tar)] })
    const source = `oci:${join(home, 'source')}:it`
    await using target = await openLayoutTarget(source)
    await pushBuilt(image, target.target, { tag: 'it' })
    const config = { provider: { work_dir: home }, converter: { driver: { type: 'estargz' } } }
    writeFileSync(join(home, 'config.yaml'), JSON.stringify(config))
    const to = `oci:${join(home, 'target')}:it`
    const convert = ['convert', '--config', join(home, 'config.yaml'), '--json', '--to', to, source]
    const report = JSON.parse(await installedProgram('accelctl', convert)) as {
      images: { layers: { source: { digest: string }; target: { digest: string } }[] }[]
    }
    const layers = report.images.flatMap((converted) => converted.layers)
    assert.equal(layers.length, 1)
    assert.notEqual(layers[0]?.target.digest, layers[0]?.source.digest)
    const blob = join(home, 'target/blobs', layers[0]?.target.digest.replace(':', '/') ?? '')
    assert.match(gunzipSync(readFileSync(blob)).toString('latin1'), /stargz\.index\.json/)
  })
})

async function node(args: string[], cwd: string): Promise<string> {
  const { stdout } = await run(process.execPath, args, { cwd })
  return stdout
}
