import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { readEvents } from '../../testing/read-tar.ts'
import { testTar, type TarBuilder } from '../../testing/tar-builder.ts'
import { compareTrees } from './compare.ts'
import type { Listing } from './listing.ts'
import { MergedTree } from './merged-tree.ts'
import { TarListing } from './tar-listing.ts'

function list(tar: TarBuilder, pieces?: readonly number[]): Listing {
  const listing = new TarListing()
  for (const event of readEvents(tar.bytes(), pieces)) listing.take(event)
  return listing.finish()
}

function merge(...layers: TarBuilder[]): MergedTree {
  const tree = new MergedTree()
  for (const layer of layers) tree.apply(list(layer))
  return tree
}

const paths = (tree: MergedTree): string[] => [...tree].map(({ path }) => path).toSorted()

suite('a merged tree', () => {
  test('applies whiteouts to the layers below, wherever they stand', () => {
    const lower = testTar().directory('a/').file('a/x', '1').file('a/y', '2').file('b', '3')
    const upper = testTar().file('a/x', 'new').whiteout('a/x').whiteout('b').directory('a/')
    assert.deepEqual(paths(merge(lower, upper)), ['', 'a', 'a/x', 'a/y'])
  })

  test('says which layer a file comes from, and where it is there', () => {
    const lower = testTar().directory('a/').file('a/x', '1').hardlink('y', 'a/x').file('z', '2')
    const tree = merge(lower, testTar().file('z', '3').symlink('s', 'a').file('s/new', '4'))
    assert.deepEqual(tree.origin('a/x'), { layer: 0, path: 'a/x' })
    assert.deepEqual(tree.origin('y'), { layer: 0, path: 'a/x' })
    assert.deepEqual(tree.origin('z'), { layer: 1, path: 'z' })
    assert.deepEqual(tree.origin('a/new'), { layer: 1, path: 's/new' })
    assert.equal(tree.origin(''), undefined)
    assert.equal(tree.origin('none'), undefined)
  })

  test('an opaque directory shows only what its own layer has', () => {
    const lower = testTar().directory('a/').file('a/x', '1').directory('a/d/').file('a/d/z', '2')
    const upper = testTar().directory('a/').file('a/new', '3').opaque('a')
    assert.deepEqual(paths(merge(lower, upper)), ['', 'a', 'a/new'])
  })

  test('what takes the place of a directory takes all in it; a directory keeps what is in it', () => {
    const lower = testTar().directory('a/').file('a/x', '1').directory('b/').file('b/x', '1')
    const upper = testTar().file('a', 'file').directory('b/', { mode: 0o700 })
    const tree = merge(lower, upper)
    assert.deepEqual(paths(tree), ['', 'a', 'b', 'b/x'])
    assert.equal(tree.entry('b')!.mode, 0o700)
  })

  test('what comes back after it was removed has none of its old content', () => {
    const lower = testTar().directory('a/').directory('a/b/').file('a/b/x', '1')
    const tree = merge(lower, testTar().whiteout('a'), testTar().directory('a/').directory('a/b/'))
    assert.deepEqual(paths(tree), ['', 'a', 'a/b'])
  })

  test('hard links share an inode across layers, and keep it when one name goes', () => {
    const lower = testTar().file('x', '1', { mode: 0o600 })
    const tree = merge(
      lower,
      testTar().hardlink('y', 'x', { mode: 0o644 }),
      testTar().whiteout('x'),
    )
    assert.deepEqual(paths(tree), ['', 'y'])
    assert.equal(tree.entry('y')!.mode, 0o600)
    assert(tree.entry('y')!.linked)
  })

  test('follows symlinks of a layer in its directories, and no further than the root', () => {
    const layer = testTar().directory('run/').symlink('var', '../../run').file('var/lock', '1')
    assert.deepEqual(paths(merge(layer)), ['', 'run', 'run/lock', 'var'])
  })

  test('a symlink or file of a layer below gives way to a directory that a path names', () => {
    const lower = testTar().directory('run/').file('run/old', '1').symlink('var', 'run').file('f')
    const tree = merge(lower, testTar().file('var/lock', '1').file('f/g', '2'))
    assert.deepEqual(paths(tree), ['', 'f', 'f/g', 'run', 'run/old', 'var', 'var/lock'])
    assert.equal(tree.entry('var')?.kind, 'directory')
    assert.deepEqual(tree.problems, [])
  })

  test('a hard link may stand before its target, or before another link to it', () => {
    const tree = merge(testTar().hardlink('a', 'b').hardlink('b', 'c').file('c', '1'))
    assert.deepEqual(paths(tree), ['', 'a', 'b', 'c'])
    assert.equal(tree.entry('a')?.inode, tree.entry('c')?.inode)
    assert.deepEqual(tree.problems, [])
  })

  test('tells what cannot be applied', () => {
    const tree = merge(testTar().file('f', '1').file('f/g', '2').hardlink('h', 'none'))
    assert.deepEqual(tree.problems, [
      '"f/g" lies below something that is no directory',
      '"h" is a hard link to "none", which is not there',
    ])
  })
})

suite('a comparison', () => {
  const base = (): TarBuilder =>
    testTar()
      .directory('d/', { mode: 0o750, uid: 7 })
      .file('d/f', 'content', { mtime: 5, xattrs: { 'user.a': 'x' } })
      .symlink('l', 'd/f')
      .character('c', 5, 1)
      .file('g', 'x')
      .hardlink('h', 'g')

  const differences = (target: TarBuilder): string[] =>
    compareTrees(merge(base()), merge(target)).differences.map(
      ({ path, field, source, target: got }) =>
        `${path} ${field}: ${source} ${got}`.replaceAll(/[0-9a-f]{64}/g, 'digest'),
    )

  test('of the same finds nothing, however the tar was cut', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), (pieces) => {
        const target = new MergedTree()
        target.apply(list(base(), pieces))
        const { count, paths: compared } = compareTrees(merge(base()), target)
        assert.deepEqual([count, compared], [0, 7])
      }),
    )
  })

  const cases: [string, (tar: TarBuilder) => TarBuilder, string[]][] = [
    ['a mode', (tar) => tar.directory('d/', { mode: 0o755, uid: 7 }), ['d mode: 0750 0755']],
    ['an owner', (tar) => tar.directory('d/', { mode: 0o750, uid: 8 }), ['d uid: 7 8']],
    ['a time', (tar) => timed(tar, 6), ['d/f mtime: 5 6']],
    ['part of a second', (tar) => timed(tar, 5.5), ['d/f mtime: 5 5.500000000']],
    ['content', (tar) => content(tar, 'CONTENT'), ['d/f content: digest digest']],
    [
      'size',
      (tar) => content(tar, 'more content'),
      ['d/f size: 7 12', 'd/f content: digest digest'],
    ],
    ['a link target', (tar) => tar.symlink('l', 'd'), ['l link target: d/f d']],
    ['a type', (tar) => tar.file('l', 'd/f'), ['l type: symlink file']],
    ['a device', (tar) => tar.character('c', 5, 2), ['c device: 5:1 5:2']],
    ['one name too many', (tar) => tar.file('n'), ['n path: missing file']],
    [
      'a name too few',
      (tar) => tar.hardlink('h', 'g').file('h', 'x'),
      ['h hard links: one file with g a file of its own'],
    ],
    [
      'an attribute',
      (tar) => tar.file('d/f', 'content', { mtime: 5 }),
      ['d/f xattr user.a: "x" missing'],
    ],
  ]
  for (const [name, change, expected] of cases) {
    test(`names ${name} that differs`, () =>
      assert.deepEqual(differences(change(base())), expected))
  }

  test('names what is missing', () => {
    assert.deepEqual(differences(testTar().directory('d/', { mode: 0o750, uid: 7 })).slice(0, 2), [
      'c path: character missing',
      'd/f path: file missing',
    ])
  })

  function timed(tar: TarBuilder, mtime: number): TarBuilder {
    return tar.file('d/f', 'content', { mtime, xattrs: { 'user.a': 'x' } })
  }
  function content(tar: TarBuilder, text: string): TarBuilder {
    return tar.file('d/f', text, { mtime: 5, xattrs: { 'user.a': 'x' } })
  }
})
