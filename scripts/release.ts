/**
 * `node scripts/release.ts VERSION`: gives `package.json` and the Helm chart the version, moves what is in `changes/` into `CHANGELOG.md`,
 * above the releases before it, and says what is left to do. Commits and publishes nothing.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execFileSync } from 'node:child_process'
import { readChanges, releaseNotes } from './changes.ts'
import { root } from './source-tree.ts'

const [version = ''] = process.argv.slice(2)
if (!/^\d+\.\d+\.\d+$/.test(version)) {
  console.error('usage: node scripts/release.ts VERSION, as in 1.2.3')
  process.exit(2)
}
const changes = readChanges()
if (changes.length === 0) {
  console.error('nothing to release: changes/ is empty')
  process.exit(1)
}

const path = join(root, 'CHANGELOG.md')
const changelog = readFileSync(path, 'utf8').trimEnd()
const earlier = changelog.indexOf('\n## ')
const [head, rest] =
  earlier === -1 ? [changelog, ''] : [changelog.slice(0, earlier), changelog.slice(earlier + 1)]
const notes = releaseNotes(version, new Date().toISOString().slice(0, 10), changes)
writeFileSync(path, `${[head.trimEnd(), notes, rest].filter((part) => part !== '').join('\n\n')}\n`)
for (const { file } of changes) rmSync(join(root, 'changes', file))
const chart = join(root, 'misc/helm/acceleration-service/Chart.yaml')
writeFileSync(
  chart,
  readFileSync(chart, 'utf8').replaceAll(/^(version|appVersion): .*$/gm, `$1: ${version}`),
)
execFileSync('npm', ['version', version, '--no-git-tag-version'], { cwd: root, stdio: 'inherit' })
console.log(`Read CHANGELOG.md, then: git commit -am "release ${version}" && git tag v${version}`)
console.log('and: npm run pack && npm publish build/acceleration-service-*.tgz')
