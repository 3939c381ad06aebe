/** What users get: the packed package, installed into an empty folder, from there on without this repository. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { after, before, suite, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { root } from '../../scripts/source-tree.ts'

const run = promisify(execFile)
const name = 'acceleration-service'

interface Manifest {
  version: string
  dependencies: Record<string, string>
  exports: Record<string, Record<string, string>>
  bin: Record<string, string>
}

const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest

/** Until every entry point stands: whether the checkout has what `path` of the package is made from. */
function stands(path: string): boolean {
  return existsSync(join(root, path.replace(/^\.\/dist\/(.*?)(\.d)?\.[jt]s$/, 'src/$1.ts')))
}

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
      named.filter((path) => stands(path) && !existsSync(join(installed, path))),
      [],
    )
    assert.ok(!existsSync(join(installed, 'src')), 'sources cannot run from node_modules')
  })

  for (const [program, path] of Object.entries(own.bin)) {
    test(`${program} --version`, { todo: !stands(path) }, async (t) => {
      if (!needInstall(t)) return
      const { stdout } = await run(join(home, 'node_modules/.bin', program), ['--version'], {
        cwd: home,
        env: {
          ...process.env,
          PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
        },
      })
      assert.match(stdout, new RegExp(`\\b${own.version.replaceAll('.', '\\.')}\\b`))
    })
  }

  for (const [entry, { default: path = '' }] of Object.entries(own.exports)) {
    test(`import '${join(name, entry)}'`, { todo: !stands(path) }, async (t) => {
      if (!needInstall(t)) return
      const script = `console.log(Object.keys(await import('${join(name, entry)}')).length)`
      const names = await node(['--input-type=module', '--eval', script], home)
      assert.notEqual(Number(names), 0)
    })
  }
})

async function node(args: string[], cwd: string): Promise<string> {
  const { stdout } = await run(process.execPath, args, { cwd })
  return stdout
}
