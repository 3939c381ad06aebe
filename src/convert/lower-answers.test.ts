import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ContentEntry, LayerContent } from '../drivers/layer-content.ts'
import { answersKey, answersThatMatter, lowerEntry } from './lower-answers.ts'

const plain = { mode: 0o755, uid: 0, gid: 0, mtime: 0, mtimeNanoseconds: 0 }

/** A layer from `path: kind` pairs; `path/` is a directory, `!path` a whiteout, `path*` an opaque directory, `path@` a symlink. */
function layer(...names: string[]): LayerContent {
  const entries = new Map<string, ContentEntry>()
  const opaque = new Set<string>()
  for (const name of names) {
    if (name.startsWith('!')) entries.set(name.slice(1), { kind: 'whiteout' })
    else if (name.endsWith('@')) entries.set(name.slice(0, -1), { kind: 'symlink' })
    else if (name.endsWith('*')) {
      opaque.add(name.slice(0, -1))
      entries.set(name.slice(0, -1), { kind: 'directory', metadata: plain })
    } else if (name.endsWith('/')) {
      entries.set(name.slice(0, -1), { kind: 'directory', metadata: { ...plain, mode: 0o700 } })
    } else entries.set(name, { kind: 'other' })
  }
  return {
    at: (path) => entries.get(path),
    opaque: (path) => opaque.has(path),
    rootNames: () =>
      [...entries]
        .filter(([p, e]) => p !== '' && !p.includes('/') && e.kind !== 'whiteout')
        .map(([p]) => p),
    questions: [],
  }
}

test('a path is what the highest layer below says', () => {
  const base = layer('a/', 'a/b/', 'a/b/f', 'top')
  const kindAt = (path: string, ...above: LayerContent[]): string | undefined =>
    lowerEntry(path, [base, ...above])?.kind
  assert.equal(kindAt('a/b'), 'directory')
  assert.equal(kindAt('a/b', layer('x')), 'directory')
  assert.equal(kindAt('a/b', layer('a/b@')), 'symlink')
  assert.equal(kindAt('a/b', layer('!a/b')), undefined)
  assert.equal(kindAt('a/b', layer('!a')), undefined)
  assert.equal(kindAt('a/b', layer('a*')), undefined)
  assert.equal(kindAt('a', layer('a*')), 'directory')
  assert.equal(kindAt('a/b/f', layer('a*')), undefined)
  assert.equal(kindAt('a/b', layer('*')), undefined)
  assert.equal(kindAt('a/b', layer('a')), undefined)
  assert.equal(kindAt('a/b', layer('!a'), layer('a/', 'a/b')), 'other')
  assert.equal(kindAt('none'), undefined)
})

test('only answers that matter are given', () => {
  const lower = [layer('/', 'a/', 'top')]
  const ask = (path: string, matters: 'present' | 'absent') =>
    answersThatMatter([{ about: 'path', path, matters }], lower) !== undefined
  assert.equal(ask('a', 'present'), true)
  assert.equal(ask('b', 'present'), false)
  assert.equal(ask('top', 'absent'), false)
  assert.equal(ask('b', 'absent'), true)
  const unless = (mode: number) =>
    answersThatMatter(
      [{ about: 'path', path: 'a', matters: 'present', unless: { ...plain, mode } }],
      lower,
    ) !== undefined
  assert.equal(unless(0o755), true)
  assert.equal(unless(0o700), false)
})

test('root names are those that are left after whiteouts and opaque roots', () => {
  const names = (...lower: LayerContent[]) =>
    answersThatMatter([{ about: 'root-names' }], lower)?.rootNames
  assert.deepEqual(names(layer('b', 'a/', 'a/f')), ['a', 'b'])
  assert.deepEqual(names(layer('b', 'a/'), layer('!b', 'c')), ['a', 'c'])
  assert.deepEqual(names(layer('b'), layer('*', 'c')), ['c'])
  assert.equal(names(), undefined)
})

test('equal answers have equal keys, whatever the order', () => {
  const answers = (lower: LayerContent[], ...paths: string[]) =>
    answersThatMatter(
      paths.map((path) => ({ about: 'path' as const, path, matters: 'present' as const })),
      lower,
    )!
  const one = [layer('a/', 'b@')]
  assert.equal(answersKey(answers(one, 'a', 'b')), answersKey(answers(one, 'b', 'a')))
  assert.notEqual(answersKey(answers(one, 'a')), answersKey(answers(one, 'a', 'b')))
  assert.notEqual(answersKey(answers(one, 'a')), answersKey(answers([layer('a*')], 'a')))
})
