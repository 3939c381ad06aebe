import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAccelError } from '../../errors/accel-error.ts'
import { LayerTree } from '../../formats/nydus-tree/layer-tree.ts'
import { listTree, type ListedFile } from '../../formats/nydus-tree/listing.ts'
import { readTar } from '../../testing/read-tar.ts'
import { testTar, type TarBuilder } from '../../testing/tar-builder.ts'
import { Warnings } from '../warnings.ts'
import type { LayerDetail } from './layer-detail.ts'
import { LayerEntries } from './layer-entries.ts'

interface Made {
  files: Map<string, ListedFile>
  detail: LayerDetail
  warnings: string[]
}

/** The tree of a tar whose files are empty. */
function made(tar: TarBuilder): Made {
  const warnings = new Warnings()
  const layer = new LayerTree({ what: 'layer 2' })
  const entries = new LayerEntries(layer, warnings)
  for (const { entry } of readTar(tar.bytes()).entries) entries.take(entry)
  const detail = entries.detail()
  const files = new Map(listTree(layer.tree).map((file) => [file.path, file]))
  return { files, detail, warnings: warnings.list }
}

function refused(tar: TarBuilder, message: RegExp): void {
  assert.throws(
    () => made(tar),
    (error) => isAccelError(error) && message.test(error.message),
  )
}

test('kinds, modes, owners, whole seconds and device numbers are those of the tar', () => {
  const { files } = made(
    testTar()
      .file('f', '', { mode: 0o4755, uid: 70_000, gid: 3, mtime: 12.9 })
      .file('old', '', { mtime: -1 })
      .symlink('s', 'a/../b')
      .character('c', 5, 300)
      .block('b', 259, 1)
      .fifo('p'),
  )
  const of = (path: string) => files.get(path)!
  assert.deepEqual(
    ['/f', '/old', '/s', '/c', '/b', '/p'].map((path) => of(path).mode),
    ['104755', '100644', '120777', '20644', '60644', '10644'],
  )
  assert.deepEqual([of('/f').uid, of('/f').gid], [70_000, 3])
  assert.deepEqual([of('/f').mtime, of('/f').mtimeNanoseconds], [12, 0])
  assert.equal(of('/old').mtime, -1)
  assert.equal(of('/s').target, 'a/../b')
  assert.deepEqual(of('/c').device, { major: 5, minor: 300 })
  assert.deepEqual(of('/b').device, { major: 259, minor: 1 })
})

test('names: ./ and / in front, .. that stops at the root, bytes that are not UTF-8', () => {
  const { files } = made(
    testTar()
      .file('./a/x')
      .file('/b//y')
      .file('../../c')
      .file('a/../d')
      .file(Buffer.from([0x63, 0xe9])),
  )
  assert.deepEqual([...files.keys()], ['/', '/a', '/b', '/c', '/c\\xe9', '/d', '/a/x', '/b/y'])
})

test('directories without an entry are told, until they have one', () => {
  const { detail } = made(testTar().file('a/b/f').directory('a/').file('x/y').directory('z/'))
  assert.deepEqual(detail.invented, ['', 'a/b', 'x'])
  assert.deepEqual(made(testTar().directory('./').file('f')).detail.invented, [])
})

test('a path leads elsewhere once a part of it is another thing, whatever entry came before', () => {
  const { files } = made(
    testTar().directory('a/').file('a/1').symlink('b', 'a').file('b/2').directory('b/').file('b/3'),
  )
  assert.deepEqual([...files.keys()], ['/', '/a', '/b', '/a/1', '/a/2', '/b/3'])
  const replaced = made(
    testTar().file('a/1').symlink('c', 'd').directory('d/').symlink('a', 'd').file('a/2'),
  )
  assert.deepEqual([...replaced.files.keys()], ['/', '/a', '/c', '/d', '/d/2'])
  refused(testTar().file('a/1').file('a').file('a/2'), /goes through \/a/)
})

test('whiteouts are files like any other; they act when layers are merged', () => {
  const { files } = made(testTar().whiteout('a/gone').opaque('b'))
  assert.deepEqual([...files.keys()], ['/', '/a', '/b', '/a/.wh.gone', '/b/.wh..wh..opq'])
})

test('attributes that cannot be kept are left out, with a warning that names path and attribute', () => {
  const { files, warnings } = made(
    testTar()
      .file('f', '', {
        xattrs: {
          'user.a': 'a',
          'com.apple.quarantine': 'b',
          'trusted.overlay.opaque': 'y',
          'security.capability': 'c',
          'system.posix_acl_access': 'd',
        },
      })
      .file('g', '', { xattrs: { [`user.${'n'.repeat(255)}`]: 'too long' } }),
  )
  assert.deepEqual(Object.keys(files.get('/f')!.xattrs!), [
    'security.capability',
    'system.posix_acl_access',
    'user.a',
  ])
  assert.equal(files.get('/g')!.xattrs, undefined)
  assert.equal(warnings.length, 3)
  assert.match(warnings[0]!, /"f".*"com\.apple\.quarantine"/)
  assert.match(warnings[1]!, /"f".*"trusted\.overlay\.opaque" of the overlay/)
  assert.match(warnings[2]!, /"g".*user\.nnn/)
})

test('hard links: to a file of the layer, to a symlink, and to what only a layer below can have', () => {
  const { files, detail } = made(
    testTar()
      .file('f', '', { mode: 0o600 })
      .hardlink('h', './f', { mode: 0o777 })
      .symlink('s', 'f')
      .hardlink('t', 's')
      .hardlink('d/low', 'etc/passwd')
      .hardlink('d/lower', 'd/low')
      .hardlink('replaced', 'etc/passwd')
      .file('replaced', '', { mode: 0o640 }),
  )
  assert.equal(files.get('/h')!.linkOf, '/f')
  assert.equal(files.get('/h')!.mode, '100600')
  assert.equal(files.get('/t')!.target, 'f')
  assert.equal(files.get('/replaced')!.mode, '100640')
  assert.deepEqual(detail.links, [
    ['d/low', 'etc/passwd'],
    ['d/lower', 'etc/passwd'],
  ])
  assert.ok(!files.has('/d/low'))
  assert.ok(files.has('/d'))
})

test('a later entry takes the place of an earlier one; a directory keeps what is in it', () => {
  const { files } = made(
    testTar()
      .file('d/f')
      .directory('d/', { mode: 0o711 })
      .file('x', '', { mode: 0o600 })
      .file('x', '', { mode: 0o644 })
      .directory('gone/')
      .file('gone/f')
      .file('gone'),
  )
  assert.deepEqual([...files.keys()], ['/', '/d', '/gone', '/x', '/d/f'])
  assert.equal(files.get('/d')!.mode, '40711')
  assert.equal(files.get('/x')!.mode, '100644')
})

test('what no file system can hold is refused with layer and path', () => {
  refused(testTar().symlink('s', 'x'.repeat(4096)), /layer 2: "s" .* 1 to 4095 bytes/)
  refused(testTar().directory('d/').hardlink('h', 'd'), /layer 2: "h" .* hard link to a directory/)
  refused(testTar().file('f').file('f/x'), /\/f\/x goes through \/f/)
  refused(testTar().file('n'.repeat(256)), /layer 2.*256/)
})
