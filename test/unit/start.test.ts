/** What a program loads at its start: a process of a tenth of a second is as fast as what it does not load. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { folderOf, type SourceFile, sourceFiles } from '../../scripts/source-tree.ts'

const files = new Map(sourceFiles().map((file) => [file.path, file]))

/** Imports and exports of values, of the whole statement: what has only types in it is gone when the program runs. */
const statement = /^(?:import|export)\b([^'"`=]*?)\bfrom\s*['"]([^'"]+)['"]/gm

/** The modules, of ours by path, that `file` has loaded before it runs itself. */
function loadedBy({ path, text }: SourceFile): string[] {
  return [...text.matchAll(statement)]
    .filter(([, names = '']) => !namesTypesOnly(names))
    .map(([, , target = '']) =>
      target.startsWith('.') ? new URL(target, `file:///${path}`).pathname.slice(1) : target,
    )
}

function namesTypesOnly(names: string): boolean {
  if (/^\s*type\b/.test(names)) return true
  const listed = /^\s*\{([^}]*)\}\s*$/.exec(names)?.[1]
  const each = listed?.split(',').filter((name) => name.trim() !== '')
  return each !== undefined && each.every((name) => /^\s*type\b/.test(name))
}

/** All that is loaded when the module at `path` is. */
function closure(path: string, found = new Set<string>()): Set<string> {
  if (found.has(path)) return found
  found.add(path)
  const file = files.get(path)
  for (const one of file === undefined ? [] : loadedBy(file)) closure(one, found)
  return found
}

const foldersOf = (paths: Iterable<string>): Set<string> =>
  new Set([...paths].filter((path) => files.has(path)).map(folderOf))

test('accelctl loads its commands when they are run', () => {
  const loaded = closure('bin/accelctl.ts')
  assert.deepEqual(
    [...foldersOf(loaded)].toSorted(),
    ['bin', 'cli', 'config', 'errors', 'log'],
    'a folder more is loaded by every command, also by those that do not need it',
  )
  assert.ok(!loaded.has('yaml'))
  assert.ok(loaded.has('commander'), 'the test reads what is imported')
})

test('the main thread of a conversion loads nothing that compresses, and no format but its names', () => {
  const loaded = new Set(
    ['cli/convert-command.ts', 'convert/conversion-threads.ts', 'convert/service.ts'].flatMap(
      (path) => [...closure(path)],
    ),
  )
  const work = /^formats\/(?!.*\/(?:layout|level|slab-size|frame-bound)\.ts$)/
  const packages = ['libdeflate', '@napi-rs/blake-hash', 'aws4fetch', 'jose', 'undici']
  assert.deepEqual(
    [...loaded].filter((path) => work.test(path) || packages.includes(path)).toSorted(),
    [
      // names, limits and paths
      'formats/estargz/rolling-cuts.ts',
      'formats/nydus-blob/checked-blob.ts',
      'formats/ocicrypt/layer-cipher.ts',
      'formats/ocicrypt/recipient.ts',
      'formats/tar/path.ts',
    ],
  )
})
