import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  folderOrder,
  forbidden,
  formatOrder,
  guardedModules,
  testingFolder,
} from '../../scripts/folder-order.ts'
import {
  folderOf,
  importsOf,
  isTest,
  type SourceFile,
  sourceFiles,
} from '../../scripts/source-tree.ts'

const files = sourceFiles()
const product = files.filter((f) => !isTest(f.path) && folderOf(f.path) !== testingFolder)

/** Why `from` may not import `to` by a table of lines, or undefined. Both are rows of the table, or one is unknown. */
function against(
  order: readonly (readonly string[])[],
  from: string,
  to: string,
): string | undefined {
  const line = (name: string): number => order.findIndex((row) => row.includes(name))
  if (line(from) === -1) return `${from} is not in the table of scripts/folder-order.ts`
  if (line(to) === -1) return `${to} is not in the table of scripts/folder-order.ts`
  return from !== to && line(to) >= line(from) ? `${to} is not above ${from}` : undefined
}

function complaint(from: string, to: string): string | undefined {
  const [fromFolder, toFolder] = [folderOf(from), folderOf(to)]
  if (toFolder === testingFolder) {
    return from === 'driver-testing.ts' ? undefined : `${testingFolder} is for tests`
  }
  if (forbidden.some((edge) => edge.from === fromFolder && edge.to === toFolder)) {
    return `${fromFolder} must not know ${toFolder}`
  }
  if (fromFolder === 'formats' && toFolder === 'formats') {
    const [fromFormat = '', toFormat = ''] = [from.split('/')[1], to.split('/')[1]]
    return against(formatOrder, fromFormat, toFormat)
  }
  return against(folderOrder, fromFolder, toFolder)
}

test('a folder imports only from lines above it', () => {
  const wrong = product.flatMap((file) =>
    importsOf(file)
      .filter((i) => i.own)
      .map((i) => ({ edge: `${file.path} -> ${i.target}`, why: complaint(file.path, i.target) }))
      .filter(({ why }) => why !== undefined)
      .map(({ edge, why }) => `${edge}: ${why}`),
  )
  assert.deepEqual(wrong, [])
})

test('the check itself sees a wrong edge of each kind', () => {
  assert.match(complaint('oci/a.ts', 'registry/b.ts') ?? '', /not above/)
  assert.match(complaint('store/a.ts', 'tasks/b.ts') ?? '', /not above/)
  assert.match(complaint('drivers/a.ts', 'store/b.ts') ?? '', /must not know/)
  assert.match(complaint('convert/a.ts', 'testing/b.ts') ?? '', /for tests/)
  assert.match(complaint('formats/tar/a.ts', 'formats/estargz/b.ts') ?? '', /not above/)
  assert.match(complaint('nowhere/a.ts', 'oci/b.ts') ?? '', /not in the table/)
  assert.equal(complaint('formats/estargz/a.ts', 'formats/tar/b.ts'), undefined)
  assert.equal(complaint('drivers/estargz/a.ts', 'drivers/driver.ts'), undefined)
  const text =
    "import {\n  a,\n} from './a.ts'\nimport type { B } from 'b'\nexport * from '../c/c.ts'\nimport 'd'\n"
  assert.deepEqual(importsOf({ path: 'x/y.ts', text: `${text}await import('./e.ts')` }), [
    { target: 'x/a.ts', own: true },
    { target: 'b', own: false },
    { target: 'c/c.ts', own: true },
    { target: 'd', own: false },
    { target: 'x/e.ts', own: true },
  ])
})

test('no file imports itself by way of others', () => {
  assert.deepEqual(cycles(product), [])
  const file = (path: string, to: string): SourceFile => ({ path, text: `import '${to}'` })
  assert.deepEqual(cycles([file('a/a.ts', './b.ts'), file('a/b.ts', './a.ts')]), [
    'a/a.ts -> a/b.ts -> a/a.ts',
  ])
})

function cycles(all: SourceFile[]): string[] {
  const byPath = new Map(all.map((file) => [file.path, file]))
  const found: string[] = []
  const finished = new Set<string>()
  const visit = (path: string, trail: string[]): void => {
    if (trail.includes(path)) {
      found.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
      return
    }
    const file = byPath.get(path)
    if (finished.has(path) || file === undefined) return
    for (const { own, target } of importsOf(file)) if (own) visit(target, [...trail, path])
    finished.add(path)
  }
  for (const { path } of all) visit(path, [])
  return found
}

test('guarded modules of Node are used where the table says', () => {
  const wrong = product.flatMap((file) =>
    importsOf(file)
      .filter(({ target }) =>
        guardedModules.some((g) => g.module === target && !g.folders.includes(folderOf(file.path))),
      )
      .map(({ target }) => `${file.path} imports ${target}`),
  )
  assert.deepEqual(wrong, [])
})

test('no source is named by URL with its extension', () => {
  // The compiler rewrites ./x.ts to ./x.js in imports but not in new URL(): the built package would not find it.
  const wrong = product.filter((f) => /new URL\(\s*['"`][^'"`]*\.ts['"`]/.test(f.text))
  assert.deepEqual(
    wrong.map((f) => f.path),
    [],
  )
})
