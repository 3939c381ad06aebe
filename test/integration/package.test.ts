/** What users get: the packed package, installed into an empty folder, from there on without this repository. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { after, before, suite, type TestContext, test } from 'node:test'
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

  test('serves the dashboard, which it brings', async (t) => {
    if (!needInstall(t)) return
    const file = join(home, 'acceld.yaml')
    const config = {
      server: { host: '127.0.0.1', port: 0 },
      provider: { work_dir: join(home, 'served') },
      converter: { driver: { type: 'estargz' }, rules: [{ tag_suffix: '-esgz' }] },
    }
    writeFileSync(file, JSON.stringify(config))
    const acceld = spawn(process.execPath, [join(installed, 'bin/acceld.js'), '--config', file], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    t.after(() => acceld.kill())
    let log = ''
    acceld.stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
    const ended = once(acceld, 'exit')
    while (!log.includes('HTTP server started')) {
      await Promise.race([once(acceld.stderr, 'data'), ended.then(() => assert.fail(log))])
    }
    const [, port] = /started on 127\.0\.0\.1:(\d+)/.exec(log) ?? []
    for (const path of ['/', '/dashboard.js', '/dashboard.css', '/dashboard.svg']) {
      assert.equal((await fetch(`http://127.0.0.1:${port}${path}`)).status, 200, path)
    }
    assert.deepEqual(readdirSync(join(installed, 'dist/dashboard')), ['bundle'])
  })

  // Threads are where the two ways to run differ: a thread is started from the file that is there.
  const converted = {
    estargz: (blob: Buffer) => /stargz\.index\.json/.test(gunzipSync(blob).toString('latin1')),
    // Magic number of a skippable frame behind one that is not. Source: RFC 8878, section 3.1.
    zstdchunked: (blob: Buffer) =>
      blob.readUInt32LE() === 0xfd2fb528 && blob.includes(Buffer.from('502a4d18', 'hex')),
    nydus: (blob: Buffer) => blob.toString('latin1').includes('rafs.blob.toc'),
  }
  for (const [type, isConverted] of Object.entries(converted)) {
    test(`converts an image to ${type}, on threads`, async (t) => {
      if (!needInstall(t)) return
      const folder = join(home, type)
      const tar = testTar().directory('d/').file('d/f', 'data\n'.repeat(100_000)).bytes()
      const image = buildImage({ layers: [buildLayer(tar)] })
      const source = `oci:${folder}/source:it`
      await using target = await openLayoutTarget(source)
      await pushBuilt(image, target.target, { tag: 'it' })
      const file = join(folder, 'config.yaml')
      const config = {
        provider: { work_dir: join(folder, 'work') },
        converter: { driver: { type } },
      }
      writeFileSync(file, JSON.stringify(config))
      const convert = ['convert', '--config', file, '--json', '--to', `oci:${folder}/target:it`]
      const report = JSON.parse(await installedProgram('accelctl', [...convert, source])) as {
        images: { layers: { target: { digest: string } }[] }[]
      }
      const [layer, ...others] = report.images.flatMap(({ layers }) => layers)
      assert.ok(layer !== undefined && others.length === 0)
      const path = join(folder, 'target/blobs', layer.target.digest.replace(':', '/'))
      assert.ok(isConverted(readFileSync(path)))
    })
  }
})

async function node(args: string[], cwd: string): Promise<string> {
  const { stdout } = await run(process.execPath, args, { cwd })
  return stdout
}
