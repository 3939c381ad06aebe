import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { importsOf, isTest, root, sourceFiles } from '../../scripts/source-tree.ts'

interface Manifest {
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
  optionalDependencies: Record<string, string>
}

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
const everywhere = {
  ...manifest.dependencies,
  ...manifest.devDependencies,
  ...manifest.optionalDependencies,
}
const decisions = join(root, 'docs/decisions')

test('every dependency is named in a decision', () => {
  const pages = readdirSync(decisions)
    .map((page) => readFileSync(join(decisions, page), 'utf8'))
    .join('\n')
  const unnamed = Object.keys(everywhere).filter((name) => !pages.includes(`\`${name}\``))
  assert.deepEqual(unnamed, [])
})

test('every dependency has one exact version', () => {
  const loose = Object.entries(everywhere).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))
  assert.deepEqual(loose, [])
})

test('sources import no package that users would not get', () => {
  const packageOf = (specifier: string): string =>
    specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  const bundled = (path: string): boolean => path.startsWith('dashboard/page/')
  const missing = sourceFiles().flatMap((file) =>
    importsOf(file)
      .filter(({ own, target }) => !own && !target.startsWith('node:'))
      .map(({ target }) => packageOf(target))
      .filter(
        (name) =>
          !(name in (isTest(file.path) || bundled(file.path) ? everywhere : manifest.dependencies)),
      )
      .map((name) => `${file.path} imports ${name}`),
  )
  assert.deepEqual(missing, [])
})
