import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { S_IFDIR, S_IFLNK, S_IFREG } from './file-mode.ts'
import { FileTree, NONE, ROOT } from './file-tree.ts'
import { listTree } from './listing.ts'
import { dropWhiteouts, overlay, whiteoutOf } from './overlay.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)

/** A tree of `paths`: those that end in `/` are directories, all have `uid` as owner; parents are made. */
function treeOf(paths: readonly string[], uid: number): FileTree {
  const tree = new FileTree({ what: 'test', chunkSize: 4096 })
  const attributes = { uid, gid: 0, mtime: 0, mtimeNanoseconds: 0, xattrSet: 0 }
  tree.setInode(ROOT, tree.inodes.add({ ...attributes, mode: S_IFDIR | 0o755 }))
  for (const path of paths) {
    const names = path.split('/').filter((name) => name !== '')
    let parent = ROOT
    names.forEach((name, i) => {
      const isFile = i === names.length - 1 && !path.endsWith('/')
      const node = tree.lookup(parent, bytes(name))
      if (node !== NONE) {
        parent = node
        return
      }
      const mode = isFile ? S_IFREG | 0o644 : S_IFDIR | 0o755
      parent = tree.add(parent, bytes(name), tree.inodes.add({ ...attributes, mode }))
    })
  }
  return tree
}

function merge(...layers: (readonly string[])[]): string[] {
  const [first = [], ...rest] = layers
  const tree = treeOf(first, 1)
  rest.forEach((paths, i) => overlay(tree, treeOf(paths, i + 2), { blobIndexes: [] }))
  return listTree(tree).map((f) => `${f.path} ${f.uid}`)
}

test('whiteouts are recognised by name', () => {
  assert.equal(whiteoutOf(bytes('.whale')), undefined)
  assert.deepEqual(whiteoutOf(bytes('.wh..wh..opq')), { kind: 'opaque' })
  assert.deepEqual(whiteoutOf(bytes('.wh.x')), { kind: 'removal', name: bytes('x') })
})

test('a layer adds, replaces and removes', () => {
  assert.deepEqual(merge(['a/x', 'a/y', 'b', 'c/'], ['a/.wh.x', 'b/new', 'c', 'd/e/f']), [
    '/ 2',
    '/a 2',
    '/b 2',
    '/c 2',
    '/d 2',
    '/a/y 1',
    '/b/new 2',
    '/d/e 2',
    '/d/e/f 2',
  ])
})

test('an opaque directory hides what is below and not what its own layer puts in', () => {
  assert.deepEqual(merge(['a/x', 'a/b/y'], ['a/new', 'a/.wh..wh..opq', 'a/b/z']), [
    '/ 2',
    '/a 2',
    '/a/b 2',
    '/a/new 2',
    '/a/b/z 2',
  ])
})

test('a whiteout and a new file of the same name in one layer leave the new file, without what was below', () => {
  assert.deepEqual(merge(['a/x'], ['.wh.a', 'a/']), ['/ 2', '/a 2'])
})

test('whiteouts in a directory that is new vanish, and in the lowest layer they are dropped', () => {
  assert.deepEqual(merge(['a'], ['n/.wh.a', 'n/.wh..wh..opq']), ['/ 2', '/a 1', '/n 2'])
  const base = treeOf(['a/.wh.b', '.wh.c', 'd'], 1)
  assert.equal(dropWhiteouts(base), 2)
  assert.deepEqual(
    listTree(base).map((f) => f.path),
    ['/', '/a', '/d'],
  )
})

test('an invented directory takes the attributes of the one below', () => {
  const lower = treeOf(['a/x', 'f'], 1)
  const upper = treeOf(['a/y', 'f/z', 'n/'], 2)
  const invented = new Set(['a', 'f', 'n'].map((name) => upper.lookup(ROOT, bytes(name))))
  overlay(lower, upper, { blobIndexes: [], invented: invented.add(ROOT) })
  assert.deepEqual(
    listTree(lower).map((f) => `${f.path} ${f.uid} ${f.mode}`),
    [
      '/ 1 40755',
      '/a 1 40755',
      '/f 2 40755',
      '/n 2 40755',
      '/a/x 1 100644',
      '/a/y 2 100644',
      '/f/z 2 100644',
    ],
  )
})

test('hard links of a layer stay links, and chunks go to the blob of the image', () => {
  const lower = treeOf(['a'], 1)
  const upper = treeOf(['b'], 2)
  const { inodes } = upper
  const chunk = {
    flags: 0,
    compressedOffset: 0,
    compressedSize: 5,
    uncompressedOffset: 0,
    crc32: 0,
  }
  const id = inodes.chunks.add({
    ...chunk,
    digest: new Uint8Array(32).fill(7),
    blobIndex: 0,
    index: 0,
    uncompressedSize: 5,
  })
  const b = upper.lookup(ROOT, bytes('b'))
  inodes.setContent(upper.inodeOf(b), 5, [id])
  upper.add(ROOT, bytes('c'), upper.inodeOf(b))
  const before = listTree(upper)
  overlay(lower, upper, { blobIndexes: [4] })
  const listing = listTree(lower)
  assert.deepEqual(
    listing.map((f) => [f.path, f.nlink, f.linkOf, f.chunks]),
    [
      ['/', 2, undefined, undefined],
      ['/a', 1, undefined, []],
      ['/b', 2, undefined, ['4:0@0+5']],
      ['/c', 2, '/b', ['4:0@0+5']],
    ],
  )
  assert.deepEqual(listTree(upper), before)
})

test('a directory without an entry keeps a directory below it, and takes the place of a link to one', () => {
  const lower = treeOf(['real/kept', 'a/b/low'], 1)
  const link = { mode: S_IFLNK | 0o777, uid: 1, gid: 0, mtime: 0, mtimeNanoseconds: 0, xattrSet: 0 }
  const symlink = lower.inodes.add(link)
  lower.inodes.setTarget(symlink, bytes('real'))
  lower.add(ROOT, bytes('s'), symlink)
  const upper = treeOf(['a/b/new', 's/f'], 2)
  const invented = ['a', 's'].map((name) => upper.lookup(ROOT, bytes(name)))
  invented.push(ROOT, upper.lookup(invented[0] as number, bytes('b')))
  overlay(lower, upper, { blobIndexes: [], invented: new Set(invented) })
  assert.deepEqual(
    listTree(lower).map((f) => `${f.path} ${f.mode} ${f.uid}`),
    [
      '/ 40755 1',
      '/a 40755 1',
      '/real 40755 1',
      '/s 40755 2',
      '/a/b 40755 1',
      '/a/b/low 100644 1',
      '/a/b/new 100644 2',
      '/real/kept 100644 1',
      '/s/f 100644 2',
    ],
  )
})

test('layers put on one by one give what a plain model of them gives', () => {
  const name = fc.constantFrom('a', 'b', 'c')
  const path = fc
    .tuple(
      fc.array(name, { minLength: 0, maxLength: 2 }),
      fc.constantFrom('a', 'b', '.wh.a', '.wh.b', '.wh..wh..opq', 'c/'),
    )
    .map(([parents, last]) => [...parents, last].join('/'))
  const layer = fc.array(path, { maxLength: 6 })
  fc.assert(
    fc.property(fc.array(layer, { minLength: 2, maxLength: 4 }), (layers) => {
      const trees = layers.map((paths, i) => treeOf(usable(paths), i + 1))
      const expected = model(trees)
      const [base, ...rest] = trees as [FileTree, ...FileTree[]]
      dropWhiteouts(base)
      for (const upper of rest) overlay(base, upper, { blobIndexes: [] })
      assert.deepEqual(
        listTree(base)
          .map((f) => `${f.path} ${f.mode} ${f.uid}`)
          .toSorted(),
        expected,
      )
    }),
    { numRuns: 300 },
  )
})

/** Leaves out paths that go through a file of the same list. */
function usable(paths: readonly string[]): string[] {
  const files = new Set(paths.filter((path) => !path.endsWith('/')))
  return paths.filter((path) => {
    const parts = path.split('/').filter((part) => part !== '')
    const above = parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join('/'))
    return !above.some((p) => files.has(p)) && !(path.endsWith('/') && files.has(path.slice(0, -1)))
  })
}

/** The merge as a set of paths, straight from the words of the specification. */
function model(trees: readonly FileTree[]): string[] {
  const merged = new Map<string, string>()
  const drop = (path: string): void => {
    for (const key of merged.keys()) if (key.startsWith(`${path}/`)) merged.delete(key)
  }
  for (const tree of trees) {
    const entries = listTree(tree)
    for (const { path } of entries) {
      const cut = path.lastIndexOf('/')
      const [parent, last] = [path.slice(0, cut), path.slice(cut + 1)]
      if (last === '.wh..wh..opq') drop(parent)
      else if (last.startsWith('.wh.')) {
        drop(`${parent}/${last.slice(4)}`)
        merged.delete(`${parent}/${last.slice(4)}`)
      }
    }
    for (const { path, mode, uid } of entries) {
      if (path.split('/').at(-1)?.startsWith('.wh.') === true) continue
      const key = path === '/' ? '' : path
      if (!mode.startsWith('4')) drop(key)
      merged.set(key, `${path} ${mode} ${uid}`)
    }
  }
  return [...merged.values()].toSorted()
}
