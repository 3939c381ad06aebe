import assert from 'node:assert/strict'
import { test } from 'node:test'
import { S_IFDIR, S_IFLNK, S_IFREG } from './file-mode.ts'
import { splitPath } from './file-name.ts'
import { NONE } from './file-tree.ts'
import { followPath } from './follow-path.ts'
import { LayerTree } from './layer-tree.ts'

const attributes = { uid: 0, gid: 0, mtime: 0, mtimeNanoseconds: 0, xattrSet: 0 }

function treeOf(entries: Record<string, string>): LayerTree {
  const layer = new LayerTree({ what: 'test' })
  const { inodes } = layer.tree
  for (const [path, target] of Object.entries(entries)) {
    const type = target === '/' ? S_IFDIR : target === '' ? S_IFREG : S_IFLNK
    const inode = inodes.add({ ...attributes, mode: type | 0o777 })
    if (type === S_IFLNK) inodes.setTarget(inode, Buffer.from(target))
    layer.put(splitPath(Buffer.from(path)), inode)
  }
  return layer
}

test('links are followed as the kernel does, and never out of the tree', () => {
  const layer = treeOf({
    'usr/lib/deep': '/',
    file: '',
    lib: 'usr/lib',
    absolute: '/usr/lib',
    up: '../../usr',
    'usr/back': '../lib',
    chain: 'absolute/deep/..',
    loop: 'loop',
    dangling: 'no/such',
    through: 'file/x',
  })
  const found = (path: string): string => {
    const node = followPath(layer.tree, splitPath(Buffer.from(path)))
    return node === NONE ? 'none' : layer.tree.pathOf(node)
  }
  const expected = {
    '': '/',
    lib: '/usr/lib',
    'lib/deep': '/usr/lib/deep',
    absolute: '/usr/lib',
    up: '/usr',
    'usr/back/deep': '/usr/lib/deep',
    chain: '/usr/lib',
    '../../usr': '/usr',
    loop: 'none',
    dangling: 'none',
    through: 'none',
    file: 'none',
    'no/such': 'none',
  }
  for (const [path, where] of Object.entries(expected)) assert.equal(found(path), where, path)
})

test('a path of the layer through one of its own links goes where that leads', () => {
  const layer = treeOf({ 'usr/bin/': '/', bin: 'usr/bin', 'bin/sh': '' })
  assert.notEqual(layer.find(splitPath(Buffer.from('usr/bin/sh'))), NONE)
  assert.throws(
    () => treeOf({ s: 'nowhere', 's/f': '' }),
    /goes through \/s, which is no directory/,
  )
})
