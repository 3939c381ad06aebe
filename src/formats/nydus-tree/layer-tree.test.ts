import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAccelError } from '../../errors/accel-error.ts'
import { S_IFDIR, S_IFLNK, S_IFREG } from './file-mode.ts'
import { splitPath } from './file-name.ts'
import { LayerTree } from './layer-tree.ts'
import { listTree } from './listing.ts'

const path = (text: string): Uint8Array[] => splitPath(Buffer.from(text))

function layer(): { layer: LayerTree; put(at: string, type: number, uid: number): number } {
  const made = new LayerTree({ what: 'layer 2' })
  return {
    layer: made,
    put: (at, type, uid) => {
      const mode = type | 0o700
      const inode = made.tree.inodes.add({
        mode,
        uid,
        gid: 0,
        mtime: 0,
        mtimeNanoseconds: 0,
        xattrSet: 0,
      })
      return made.put(path(at), inode)
    },
  }
}

test('paths are cut into names', () => {
  const names = (text: string): string[] => path(text).map((name) => Buffer.from(name).toString())
  assert.deepEqual(names('./a//b/./c/'), ['a', 'b', 'c'])
  assert.deepEqual(names('/..a/.b/...'), ['..a', '.b', '...'])
  assert.deepEqual([names('./'), names(''), names('/')], [[], [], []])
})

test('parents are invented until they have an entry of their own', () => {
  const { layer: made, put } = layer()
  put('a/b/f', S_IFREG, 1)
  assert.deepEqual(
    listTree(made.tree).map((f) => `${f.path} ${f.uid} ${f.mode}`),
    ['/ 0 40755', '/a 0 40755', '/a/b 0 40755', '/a/b/f 1 100700'],
  )
  assert.equal(made.invented.size, 3)
  put('a/', S_IFDIR, 5)
  put('./', S_IFDIR, 6)
  assert.deepEqual([...made.invented], [made.find(path('a/b'))])
  assert.deepEqual(
    listTree(made.tree).map((f) => `${f.path} ${f.uid}`),
    ['/ 6', '/a 5', '/a/b 0', '/a/b/f 1'],
  )
})

test('a later entry replaces an earlier one; what was below a directory goes only when a file takes its place', () => {
  const { layer: made, put } = layer()
  put('d/x', S_IFREG, 1)
  put('d', S_IFDIR, 2)
  put('d/x', S_IFREG, 3)
  assert.deepEqual(
    listTree(made.tree).map((f) => `${f.path} ${f.uid}`),
    ['/ 0', '/d 2', '/d/x 3'],
  )
  put('d', S_IFREG, 4)
  assert.deepEqual(
    listTree(made.tree).map((f) => `${f.path} ${f.uid}`),
    ['/ 0', '/d 4'],
  )
})

test('paths that leave the layer or go through a file are refused with their name', () => {
  const { put } = layer()
  put('file', S_IFREG, 1)
  put('link', S_IFLNK, 1)
  for (const at of ['../x', 'a/../x', 'file/x', 'link/x', '..']) {
    assert.throws(
      () => put(at, S_IFREG, 1),
      (error) => isAccelError(error, 'FORMAT_INVALID') && error.message.includes('layer 2'),
    )
  }
  assert.throws(() => put('./', S_IFREG, 1), /the root is no directory/)
})
