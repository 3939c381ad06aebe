/**
 * `npm run pack [-- DIRECTORY]`: builds `src/` and packs what users get into DIRECTORY (default `build`); prints the
 * path of the tarball. It packs a staged copy with a `package.json` of its own, so that nothing of the checkout, not
 * even an old `dist/`, gets in by accident. The checkout's own `package.json` is private: only what this script
 * packs can be published.
 */
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { buildDistribution } from './distribution/distribution.ts'
import { root } from './source-tree.ts'

/** What the package holds besides `dist/` and its `package.json`; a page that does not exist yet is left out. */
const extras = [
  'bin',
  'misc/config',
  'misc/grafana',
  'misc/systemd',
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
  'docs/configuration.md',
  'docs/operations.md',
]

/** Members that make sense in the checkout alone. `node-linux-*` are optional dependencies: no user may get them. */
const privateMembers = ['private', 'scripts', 'devDependencies', 'optionalDependencies']

const destination = resolve(process.argv[2] ?? join(root, 'build'))
const stage = mkdtempSync(join(tmpdir(), 'pack-'))
try {
  console.log(await pack(stage))
} finally {
  rmSync(stage, { recursive: true, force: true })
}

async function pack(folder: string): Promise<string> {
  await buildDistribution(join(folder, 'dist'))
  for (const extra of extras.filter((path) => existsSync(join(root, path)))) {
    mkdirSync(dirname(join(folder, extra)), { recursive: true })
    cpSync(join(root, extra), join(folder, extra), { recursive: true })
  }
  writeFileSync(join(folder, 'build.json'), `${JSON.stringify(buildOf())}\n`)
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(publishedManifest(), null, 2)}\n`)
  mkdirSync(destination, { recursive: true })
  const output = run(
    'npm',
    ['pack', '--json', '--loglevel=error', '--pack-destination', destination],
    folder,
  )
  const [packed] = JSON.parse(output) as { filename: string }[]
  return join(destination, packed?.filename ?? '')
}

/** What `--version` says besides the version: the commit, and when it was made. */
function buildOf(): Record<string, string> {
  const git = (format: string): string =>
    run('git', ['show', '-s', `--format=${format}`], root).trim()
  return { commit: git('%h'), time: git('%cI') }
}

function publishedManifest(): Record<string, unknown> {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
    string,
    unknown
  >
  return Object.fromEntries(
    Object.entries(manifest).filter(([member]) => !privateMembers.includes(member)),
  )
}

/** Runs a program of the machine; its errors are shown as they come. */
function run(program: string, args: string[], cwd: string): string {
  return execFileSync(program, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}
