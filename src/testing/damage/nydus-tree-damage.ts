/** Damage to the file system of a Nydus image, the same in both versions of RAFS: bootstraps that are right in themselves. */
import { S_IFCHR, S_IFIFO, encodeDevice } from '../../formats/nydus-tree/file-mode.ts'
import type { DamageCase } from './damage-bench.ts'
import { inTree } from './nydus-edit.ts'

export const nydusTreeDamage: readonly DamageCase[] = [
  ['a mode', inTree((t) => t.set('usr/ping', { mode: 0o100644 })), 'usr/ping: mode'],
  [
    'a set-uid bit that is lost',
    inTree((t) => t.set('bin/suid', { mode: 0o100755 })),
    'bin/suid: mode',
  ],
  ['a mode of a directory', inTree((t) => t.set('etc', { mode: 0o40755 })), 'etc: mode'],
  ['an owner', inTree((t) => t.set('bin/suid', { uid: 0 })), 'bin/suid: uid'],
  ['a group', inTree((t) => t.set('bin/suid', { gid: 0 })), 'bin/suid: gid'],
  ['a time', inTree((t) => t.set('etc/hosts', { mtime: 1_700_000_001 })), 'etc/hosts: mtime'],
  [
    'a type',
    inTree((t) => t.replaceInode('dev/fifo', { mode: S_IFCHR | 0o644 })),
    'dev/fifo: type',
  ],
  [
    'a file that became a FIFO',
    inTree((t) => t.replaceInode('etc/empty', { mode: S_IFIFO | 0o644 })),
    'etc/empty: type',
  ],
  [
    'a device number',
    inTree((t) => t.tree.inodes.setDevice(t.inode('dev/null'), encodeDevice(1, 5))),
    'dev/null: device',
  ],
  [
    'a link target',
    inTree((t) => t.tree.inodes.setTarget(t.inode('bin/sym'), Buffer.from('sh'))),
    'bin/sym: link target',
  ],
  ['a name', inTree((t) => t.rename('etc/empty', 'etc/emtpy')), 'etc/empty: path'],
  ['a file that is missing', inTree((t) => t.remove('etc/hosts')), 'etc/hosts: path'],
  ['a directory that is missing', inTree((t) => t.remove('opt')), 'opt/data: path'],
  ['a file too many', inTree((t) => void t.add('opt/more', t.inode('opt/data'))), 'opt/more: path'],
  [
    'a whiteout that is not applied',
    inTree((t) => void t.add('etc/gone', t.inode('etc/empty'))),
    'etc/gone: path',
  ],
  [
    'an attribute',
    inTree((t) => t.setXattrs('usr/xattr', { 'user.note': 'x' })),
    'usr/xattr: xattr user.note',
  ],
  [
    'a capability that is lost',
    inTree((t) => t.setXattrs('usr/ping', {})),
    'usr/ping: xattr security.capability',
  ],
  [
    'an attribute too many',
    inTree((t) => t.setXattrs('etc/hosts', { 'user.a': 'b' })),
    'etc/hosts: xattr user.a',
  ],
  [
    'a hard link that is a file of its own',
    inTree((t) => t.replaceInode('bin/suid')),
    'bin/link: hard links',
  ],
  [
    'a hard link to another file',
    inTree((t) => t.tree.setInode(t.node('bin/link'), t.inode('etc/hosts'))),
    'bin/link: ',
  ],
  [
    'the chunk of another file',
    inTree((t) => t.setChunks('opt/same', [t.chunks('opt/data')[0]!, t.chunks('opt/same')[1]!])),
    'opt/same: content',
  ],
  [
    'chunks in another order',
    inTree((t) => {
      const [first, second, ...rest] = t.chunks('usr/big')
      t.setChunks('usr/big', [second!, first!, ...rest])
    }),
    'usr/big: content',
  ],
  [
    'the digest of a chunk',
    inTree((t) => t.changeChunk('opt/data', 0, { digest: new Uint8Array(32).fill(7) })),
    /^opt\/data: .*digest/,
  ],
  [
    'a chunk that begins elsewhere in the blob',
    inTree((t) => t.changeChunk('opt/data', 0, { compressedOffset: 1 })),
    'opt/data: ',
  ],
  [
    'a chunk of another stored size',
    inTree((t) => t.changeChunk('etc/hosts', 0, { compressedSize: 9 })),
    'etc/hosts: ',
  ],
  [
    'a chunk that is said to be compressed, and is not',
    inTree((t) => t.changeChunk('opt/data', 0, { flags: 1 })),
    'opt/data: ',
  ],
  [
    'a chunk that is said not to be compressed, and is',
    inTree((t) => t.changeChunk('etc/motd', 0, { flags: 0 })),
    'etc/motd: ',
  ],
  [
    'a chunk with a wrong CRC',
    inTree((t) => t.changeChunk('opt/data', 0, { flags: 0x10, crc32: 7 })),
    /^opt\/data: .*CRC/,
  ],
  [
    'a chunk of another blob',
    inTree((t) => t.changeChunk('opt/data', 0, { blobIndex: 0 })),
    /opt\/data/,
  ],
]
