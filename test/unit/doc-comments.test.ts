import assert from 'node:assert/strict'
import { posix } from 'node:path'
import { test } from 'node:test'
import { sourceFiles } from '../../scripts/source-tree.ts'

const texts = new Map(sourceFiles().map(({ path, text }) => [path, text]))
const entryPoints = ['index.ts', 'driver.ts', 'driver-testing.ts'].filter((path) => texts.has(path))

const reexport = /^export (?:type )?(\*|\{[^}]*\})(?: as \w+)? from '([^']+)'/gm
const declaration =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|const|let|class|interface|type) (\w+)/gm

/** `file#name` of every declaration that `path` exports, itself or from elsewhere, and that has no doc comment. */
function undocumented(path: string, only?: ReadonlySet<string>): string[] {
  const text = texts.get(path)
  assert.ok(text !== undefined, `${path} is exported and does not exist`)
  const own = [...text.matchAll(declaration)]
    .filter(({ 1: name = '' }) => only === undefined || only.has(name))
    // The first declaration of a name speaks for its overloads.
    .filter(({ 1: name }, i, all) => all.findIndex((other) => other[1] === name) === i)
    .filter(({ index }) => !text.slice(0, index).trimEnd().endsWith('*/'))
    .map(({ 1: name }) => `${path}#${name}`)
  const others = [...text.matchAll(reexport)].flatMap(({ 1: names = '', 2: from = '' }) => {
    const wanted = names === '*' ? only : namesIn(names, only)
    return undocumented(posix.join(posix.dirname(path), from), wanted)
  })
  return [...new Set([...own, ...others])]
}

/** The names as they are in the other file: `{ a, type B, c as d }` is a, B and c; of these the `only` ones. */
function namesIn(braces: string, only?: ReadonlySet<string>): Set<string> {
  const pairs = braces
    .slice(1, -1)
    .split(',')
    .map((item) => item.trim().replace(/^type /, ''))
    .filter((item) => item !== '')
    .map((item) => item.split(/ as /))
  return new Set(
    pairs
      .filter(([name = '', as = name]) => only === undefined || only.has(as))
      .map(([name = '']) => name),
  )
}

test('every export of the package has a doc comment', () => {
  assert.deepEqual(
    entryPoints.flatMap((path) => undocumented(path)),
    [],
  )
})

test('the check sees a missing comment through re-exports', () => {
  texts.set('x/entry.ts', "export { a, type B as C } from './y.ts'\nexport * from './z.ts'\n")
  texts.set(
    'x/y.ts',
    '/** Said. */\nexport const a = 1\nexport interface B {}\nexport let unseen = 2\n',
  )
  texts.set('x/z.ts', '\nexport async function f() {}\n')
  assert.deepEqual(undocumented('x/entry.ts'), ['x/y.ts#B', 'x/z.ts#f'])
})
