import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { S_IFDIR, S_IFREG } from '../nydus-tree/file-mode.ts'
import { FileTree, ROOT } from '../nydus-tree/file-tree.ts'
import { numberTree } from '../nydus-tree/numbering.ts'
import { StoredEntries } from './stored-entries.ts'

const PLAIN = { uid: 0, gid: 0, mtime: 0, mtimeNanoseconds: 0, xattrSet: 0 }

/** The names of a directory below the root with such children, as they are stored, with type and position. */
function stored(names: readonly string[]): string[] {
  const tree = new FileTree({ what: 'a tree' })
  const { inodes } = tree
  const directory = tree.add(ROOT, Buffer.from('d'), inodes.add({ mode: S_IFDIR, ...PLAIN }))
  for (const name of names) {
    tree.add(directory, Buffer.from(name, 'latin1'), inodes.add({ mode: S_IFREG, ...PLAIN }))
  }
  const numbering = numberTree(tree)
  const nid = Uint32Array.from(numbering.node.keys(), (position) => position + 100)
  const entries = new StoredEntries(tree, numbering, nid)
  entries.open(1)
  return Array.from({ length: entries.count }, (_, entry) => {
    const name = new Uint8Array(entries.nameSizeOf(entry))
    entries.copyName(entry, name, 0)
    return `${Buffer.from(name).toString('latin1')} ${entries.fileTypeOf(entry)} ${entries.nidOf(entry)}`
  })
}

test('. and .. stand where their bytes do', () => {
  assert.deepEqual(stored([]), ['. 2 101', '.. 2 100'])
  assert.deepEqual(stored(['a', '.x', '-', '.-', '!x', '...', '..-']), [
    '!x 1 102',
    '- 1 103',
    '. 2 101',
    '.- 1 104',
    '.. 2 100',
    '..- 1 105',
    '... 1 106',
    '.x 1 107',
    'a 1 108',
  ])
})

test('entries of any directory are in the order of their bytes', () => {
  const character = fc.constantFrom('!', '-', '.', '/', '0', 'a', '\x01', '\xff')
  const name = fc
    .string({ unit: character, minLength: 1, maxLength: 4 })
    .filter((one) => one !== '.' && one !== '..' && !one.includes('/'))
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 50 }), (names) => {
      const shown = stored(names).map((line) => line.slice(0, line.indexOf(' ')))
      const sorted = [...names, '.', '..'].toSorted((a, b) =>
        Buffer.compare(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1')),
      )
      assert.deepEqual(shown, sorted)
    }),
  )
})
