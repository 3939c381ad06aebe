/** docs/compatibility.md names a test for each promise; they must be there. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../../scripts/source-tree.ts'

const page = readFileSync(join(root, 'docs/compatibility.md'), 'utf8')

interface Row {
  id: string
  here: string
  proofs: { file: string; title: string }[]
}

/** The rows of the page, whose last column names tests as `file` › title. */
const rows = [...page.matchAll(/^\| ([CD]-\d\d) \| (.+) \|$/gm)].map(
  ([, id = '', rest = '']): Row => {
    const [, here = '', shown = ''] = rest.split(' | ')
    const proofs = [...shown.matchAll(/`([^`]+)` › (.+?)(?=; `|$)/g)].map(
      ([, file = '', title = '']) => ({ file, title }),
    )
    return { id, here, proofs }
  },
)

const titles = new Map<string, string[]>()

function titlesOf(file: string): string[] {
  const known = titles.get(file)
  if (known !== undefined) return known
  const text = readFileSync(join(root, file), 'utf8')
  const found = [...text.matchAll(/\btest\(\s*(['"`])(.*?)\1/gs)].map(([, , title = '']) => title)
  titles.set(file, found)
  return found
}

test('every row is there once', () => {
  const numbered = (letter: string, from: number, to: number): string[] =>
    Array.from(
      { length: to - from + 1 },
      (_, i) => `${letter}-${String(from + i).padStart(2, '0')}`,
    )
  const wanted = [
    ...numbered('C', 1, 15),
    ...numbered('C', 20, 35),
    ...numbered('C', 40, 44),
    ...numbered('C', 50, 53),
    ...numbered('C', 60, 63),
    ...numbered('C', 70, 74),
    ...numbered('C', 80, 84),
    ...numbered('D', 1, 68),
  ]
  assert.deepEqual(
    rows.map(({ id }) => id),
    wanted,
  )
})

for (const { id, here, proofs } of rows) {
  test(`${id}: what is named is there`, () => {
    for (const { file, title } of proofs) {
      assert.ok(
        titlesOf(file).some((one) => one.includes(title)),
        `${file} has no test ${title}`,
      )
    }
    // what no test shows has to say why
    if (proofs.length === 0) assert.match(here, /\.$|yet/)
  })
}
