import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAccelError } from '../../errors/accel-error.ts'
import { decodeDevice, encodeDevice, S_IFCHR, S_IFDIR, S_IFLNK, S_IFREG } from './file-mode.ts'
import { FileTree, NONE, ROOT } from './file-tree.ts'
import { listTree } from './listing.ts'
import { numberTree } from './numbering.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)
const plain = { uid: 0, gid: 0, mtime: 0, mtimeNanoseconds: 0, xattrSet: 0 }

function newTree(init: { maxNodes?: number; chunkSize?: number } = {}): FileTree {
  return new FileTree({ what: 'layer 1', ...init })
}

function directory(tree: FileTree, parent: number, name: string): number {
  return tree.add(parent, bytes(name), tree.inodes.add({ ...plain, mode: S_IFDIR | 0o755 }))
}

function file(tree: FileTree, parent: number, name: string): number {
  return tree.add(parent, bytes(name), tree.inodes.add({ ...plain, mode: S_IFREG | 0o644 }))
}

test('names are found by parent and bytes, and are gone once removed', () => {
  const tree = newTree()
  const a = directory(tree, ROOT, 'a')
  const inner = file(tree, a, 'a')
  assert.equal(tree.lookup(ROOT, bytes('a')), a)
  assert.equal(tree.lookup(a, bytes('a')), inner)
  assert.equal(tree.lookup(a, bytes('b')), NONE)
  tree.remove(a)
  assert.equal(tree.lookup(ROOT, bytes('a')), NONE)
  assert.equal(tree.lookup(a, bytes('a')), NONE)
  assert.equal(tree.liveCount, 1)
  const again = file(tree, ROOT, 'a')
  assert.equal(tree.lookup(ROOT, bytes('a')), again)
  assert.deepEqual([...tree.children(ROOT)], [again])
})

test('children come in the order of their bytes, not of JavaScript strings', () => {
  const tree = newTree()
  const names = ['b', 'B', 'a', 'ab', '\uffee', '😀', '.x', '-', 'é', 'aaaaaaaz', 'aaaaaaab']
  // With 40 more names the sort that works on numbers is used.
  const many = [...names, ...Array.from({ length: 40 }, (_, i) => `aaaaaaa${i}`)]
  for (const list of [names, many]) {
    const parent = directory(tree, ROOT, `d${list.length}`)
    for (const name of list) file(tree, parent, name)
    assert.deepEqual(
      Array.from(tree.children(parent), (node) => Buffer.from(tree.nameOf(node)).toString()),
      list.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    )
  }
})

test('names that no file can have are refused', () => {
  const tree = newTree()
  for (const name of ['', '.', '..', 'a/b', 'a\0']) {
    assert.throws(
      () => file(tree, ROOT, name),
      (error) => isAccelError(error, 'FORMAT_INVALID'),
    )
  }
  file(tree, ROOT, 'x'.repeat(255))
  assert.throws(
    () => file(tree, ROOT, 'x'.repeat(256)),
    (error) => isAccelError(error, 'FORMAT_LIMIT_EXCEEDED') && error.message.includes('layer 1'),
  )
})

test('a tree holds as many names as it is allowed to', () => {
  const tree = newTree({ maxNodes: 3 })
  file(tree, ROOT, 'a')
  file(tree, ROOT, 'b')
  assert.throws(
    () => file(tree, ROOT, 'c'),
    (error) => isAccelError(error, 'FORMAT_LIMIT_EXCEEDED'),
  )
})

test('an inode keeps what it is given, extremes included', () => {
  const tree = newTree({ chunkSize: 4096 })
  const { inodes } = tree
  const extreme = {
    uid: 0xffff_ffff,
    gid: 0xffff_fffe,
    mtime: -(2 ** 40),
    mtimeNanoseconds: 999_999_999,
  }
  const xattrSet = inodes.xattrs.add([{ name: bytes('user.b'), value: bytes('') }], 'x')
  const inode = inodes.add({ ...extreme, mode: S_IFREG | 0o7777, xattrSet })
  const digest = Uint8Array.from({ length: 32 }, (_, i) => 255 - i)
  const chunk = {
    digest,
    blobIndex: 253,
    index: 0xff_fffe,
    flags: 0x11,
    compressedOffset: 2 ** 40 - 1,
    compressedSize: 1,
    uncompressedOffset: 2 ** 44 - 4096,
    uncompressedSize: 4096,
    crc32: 0xffff_ffff,
  }
  const id = inodes.chunks.add(chunk)
  inodes.setContent(inode, 4097, [id, id])
  tree.add(ROOT, bytes('f'), inode)
  assert.deepEqual(inodes.chunks.get(id), chunk)
  assert.deepEqual(listTree(tree)[1], {
    path: '/f',
    mode: '107777',
    uid: 0xffff_ffff,
    gid: 0xffff_fffe,
    mtime: -(2 ** 40),
    mtimeNanoseconds: 999_999_999,
    size: 4097,
    nlink: 1,
    xattrs: { 'user.b': '' },
    chunks: Array.from({ length: 2 }, () => `253:16777214@${2 ** 44 - 4096}+4096`),
  })
  assert.throws(() => inodes.setContent(inode, 1, []), /1 bytes in 0 chunks/)
})

test('device numbers are encoded as the kernel does', () => {
  assert.equal(encodeDevice(8, 1), 0x801)
  assert.equal(encodeDevice(0xfff, 0xfffff), 0xffff_ffff)
  assert.deepEqual(decodeDevice(encodeDevice(259, 70000)), { major: 259, minor: 70000 })
})

test('equal sets of attributes are one, whatever their order; the last value of a name counts', () => {
  const { xattrs } = newTree().inodes
  const a = { name: bytes('user.a'), value: bytes('1') }
  const b = { name: bytes('security.b'), value: bytes('2') }
  assert.equal(xattrs.add([], 'x'), 0)
  const id = xattrs.add([a, b], 'x')
  assert.equal(xattrs.add([b, { ...a, value: bytes('0') }, a], 'x'), id)
  assert.notEqual(xattrs.add([a], 'x'), id)
  assert.deepEqual(
    xattrs.get(id).map((x) => Buffer.from(x.name).toString()),
    ['security.b', 'user.a'],
  )
  assert.equal(xattrs.count, 2)
})

test('attributes are copied, also out of a Buffer that is used again', () => {
  const { xattrs } = newTree().inodes
  const value = Buffer.from('before')
  const id = xattrs.add([{ name: Buffer.from('user.a'), value }], 'x')
  value.fill(0)
  assert.equal(Buffer.from(xattrs.get(id)[0]?.value ?? []).toString(), 'before')
})

test('a file tree that refers to one inode twice has hard links, for files alone', () => {
  const tree = newTree()
  const { inodes } = tree
  const shared = inodes.add({ ...plain, mode: S_IFREG | 0o644 })
  const link = inodes.add({ ...plain, mode: S_IFLNK | 0o777 })
  inodes.setTarget(link, bytes('t'))
  const device = inodes.add({ ...plain, mode: S_IFCHR | 0o600 })
  inodes.setDevice(device, encodeDevice(1, 3))
  const d = directory(tree, ROOT, 'd')
  for (const [name, inode] of [
    ['a', shared],
    ['l', link],
    ['c', device],
  ] as const) {
    tree.add(ROOT, bytes(name), inode)
    tree.add(d, bytes(name), inode)
  }
  const listing = listTree(tree)
  assert.deepEqual(
    listing.map((f) => [f.path, f.nlink, f.linkOf]),
    [
      ['/', 3, undefined],
      ['/a', 2, undefined],
      ['/c', 1, undefined],
      ['/d', 2, undefined],
      ['/l', 1, undefined],
      ['/d/a', 2, '/a'],
      ['/d/c', 1, undefined],
      ['/d/l', 1, undefined],
    ],
  )
  tree.remove(tree.lookup(ROOT, bytes('a')))
  assert.equal(listTree(tree).find((f) => f.path === '/d/a')?.nlink, 1)
})

test('names are numbered directory by directory: children first, then their children', () => {
  const tree = newTree()
  const b = directory(tree, ROOT, 'b')
  const a = directory(tree, ROOT, 'a')
  file(tree, ROOT, 'c')
  const deep = directory(tree, a, 'z')
  file(tree, deep, '1')
  file(tree, b, 'f')
  assert.deepEqual(
    listTree(tree).map((f) => f.path),
    ['/', '/a', '/b', '/c', '/a/z', '/a/z/1', '/b/f'],
  )
  const numbering = numberTree(tree)
  assert.deepEqual([...numbering.parent], [0, 0, 0, 0, 1, 4, 2])
  assert.deepEqual([...numbering.firstChild], [1, 4, 6, 0, 5, 0, 0])
  assert.deepEqual([...numbering.childCount], [3, 1, 1, 0, 1, 0, 0])
})

test('a chunk is found by digest and size, also after the index has grown', () => {
  const { chunks } = newTree().inodes
  const digestOf = (i: number): Uint8Array => {
    const digest = new Uint8Array(32)
    // Equal first words, so that all end up in one run of the index.
    new DataView(digest.buffer).setUint32(28, i)
    return digest
  }
  const rest = {
    blobIndex: 0,
    flags: 0,
    compressedOffset: 0,
    compressedSize: 1,
    uncompressedOffset: 0,
    crc32: 0,
  }
  for (let i = 0; i < 1500; i++) {
    assert.equal(chunks.find(digestOf(i), 7), -1)
    chunks.add({ ...rest, digest: digestOf(i), index: i, uncompressedSize: 7 })
  }
  for (let i = 0; i < 1500; i++) assert.equal(chunks.find(digestOf(i), 7), i)
  assert.equal(chunks.find(digestOf(3), 8), -1)
  assert.ok(chunks.compare(3, 4) < 0 && chunks.compare(4, 3) > 0 && chunks.compare(5, 5) === 0)
})

test('100,000 files take less than 200 bytes each', () => {
  const tree = newTree()
  const { inodes } = tree
  const digest = new Uint8Array(32)
  const view = new DataView(digest.buffer)
  for (let i = 0; i < 100_000; i++) {
    if (i % 100 === 0) directory(tree, ROOT, `directory-${i}`)
    const parent = tree.lookup(ROOT, bytes(`directory-${i - (i % 100)}`))
    const node = file(tree, parent, `file-${String(i).padStart(11, '0')}`)
    view.setUint32(0, Math.imul(i, 0x9e37_79b1) >>> 0)
    const id = inodes.chunks.add({
      digest,
      blobIndex: 0,
      index: i,
      flags: 0,
      compressedOffset: i,
      compressedSize: 1,
      uncompressedOffset: i * 4096,
      uncompressedSize: 1,
      crc32: 0,
    })
    inodes.setContent(tree.inodeOf(node), 1, [id])
  }
  assert.equal(tree.liveCount, 101_001)
  assert.ok(tree.size / tree.liveCount < 200, `${tree.size / tree.liveCount} bytes a file`)
})
