import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { TarEntryType } from '../../formats/tar/entry.ts'
import { orderParts, type PrioritizedPath, type TarPart } from './prioritize.ts'

/** Parts of `d/` directories, `a -> b` hard links and files, in order. */
function parts(...names: string[]): TarPart[] {
  return names.map((name, i) => {
    const [path = '', linkname = ''] = name.split(' -> ')
    const directory = path.endsWith('/')
    const type: TarEntryType = directory ? 'directory' : linkname ? 'hardlink' : 'file'
    const clean = directory ? path.slice(0, -1) : path
    return { path: clean, type, linkname, start: i * 1024, end: i * 1024 + 1024 }
  })
}

function order(all: TarPart[], ...prioritized: (string | PrioritizedPath)[]): string | string[][] {
  const wanted = prioritized.map((one) =>
    typeof one === 'string' ? { path: one, recursive: false } : one,
  )
  const made = orderParts(all, wanted)
  if (typeof made === 'string') return made
  return [made.first, made.rest].map((some) => some.map((part) => part.path))
}

suite('prioritized files', () => {
  test('come with the directories above them, in the order of the list', () => {
    const all = parts('a/', 'a/b/', 'a/b/f', 'c', 'd/', 'd/e')
    assert.deepEqual(order(all, 'd/e', 'a/b/f', 'none'), [['d', 'd/e', 'a', 'a/b', 'a/b/f'], ['c']])
  })

  test('a hard link comes behind its target and what is above that', () => {
    const all = parts('x', 'lib/', 'lib/f', 'g -> lib/f', 'h -> ./g')
    assert.deepEqual(order(all, 'h'), [['lib', 'lib/f', 'g', 'h'], ['x']])
  })

  test('links in a circle end', () => {
    assert.deepEqual(order(parts('a -> b', 'b -> a'), 'a'), [['b', 'a'], []])
  })

  test('a directory comes alone, as a pattern with all that lies in it', () => {
    const all = parts('x', 'd/', 'd/a', 'd/e/', 'd/e/f', 'da')
    assert.deepEqual(order(all, 'd'), [['d'], ['x', 'd/a', 'd/e', 'd/e/f', 'da']])
    const everything = order(all, { path: 'd', recursive: true })
    assert.deepEqual(everything, [
      ['d', 'd/a', 'd/e', 'd/e/f'],
      ['x', 'da'],
    ])
  })

  test('of what comes twice the earlier is left out', () => {
    assert.deepEqual(order(parts('f', 'd/', 'g', 'f', 'd/'), 'g'), [['g'], ['f', 'd']])
  })

  test('where the order has a meaning nothing is moved', () => {
    assert.match(order(parts('f', 'h -> f', 'f'), 'h') as string, /"f" more than once/)
    assert.match(order(parts('f', 'f/'), 'f') as string, /more than once/)
  })
})
