/** Nydus, RAFS v5: what a conversion could do wrong, and what is said of it. */
import { FS_VERSION_ANNOTATION } from '../../drivers/nydus/annotation.ts'
import { ChunkRecord } from '../../formats/nydus-blob/layout.ts'
import { RafsV5ExtendedBlob, RafsV5Inode, RafsV5Superblock } from '../../formats/rafs-v5/layout.ts'
import { digestOf, hexOf } from '../../oci/digest.ts'
import { annotation, layer } from '../../testing/damage/common-damage.ts'
import { damageSuite, type Damage } from '../../testing/damage/damage-bench.ts'
import { flip } from '../../testing/damage/nydus-blob-edit.ts'
import { edit, inBlob, inBootstrap, inBootstrapLayer } from '../../testing/damage/nydus-edit.ts'
import { nydusTreeDamage } from '../../testing/damage/nydus-tree-damage.ts'
import { extendedBlobAt, inodeOf, prefetchTableAt } from '../../testing/damage/rafs-v5-places.ts'

const OTHER = digestOf('other')
const UPPER = 1

const driver = '{type: nydus, config: {fs_version: "5", fs_chunk_size: "0x1000"}}'

/** Changes the inode of a path; its digest, which covers but the content, is left as it is. */
const inode = (path: string, change: (record: RafsV5Inode) => Partial<RafsV5Inode>): Damage =>
  inBootstrap((b) => edit(b, RafsV5Inode, inodeOf(b, path).offset, change))

/** Changes the record of the first chunk of `opt/data`. */
const chunk = (change: (record: ChunkRecord) => Partial<ChunkRecord>): Damage =>
  inBootstrap((b) => edit(b, ChunkRecord, inodeOf(b, 'opt/data').chunksOffset, change))

const superblock = (change: (record: RafsV5Superblock) => Partial<RafsV5Superblock>): Damage =>
  inBootstrap((b) => edit(b, RafsV5Superblock, 0, change))

damageSuite(
  'damage to the tree of a RAFS v5 image is noticed and named',
  { driver },
  nydusTreeDamage,
)

damageSuite('damage to a RAFS v5 image is noticed and named', { driver }, [
  ['the magic', inBootstrap((b) => flip(b, 0)), /magic|bootstrap/],
  ['the version in the superblock', superblock(() => ({ version: 0x600 })), /version 0x600/],
  ['the chunk size', superblock(() => ({ chunkSize: 8192 })), /chunks for|chunk/],
  [
    'the number of names',
    superblock(({ inodeTableEntries: n }) => ({ inodeTableEntries: n - 1 })),
    /inode|children/,
  ],
  ['a second compressor', superblock(({ flagsLow }) => ({ flagsLow: flagsLow | 3 })), /flags/],
  [
    'the compressor',
    superblock(({ flagsLow }) => ({ flagsLow: (flagsLow & ~0x83) | 2 })),
    /^etc\/motd: /,
  ],
  [
    'the digest function',
    superblock(({ flagsLow }) => ({ flagsLow: flagsLow ^ 0xc })),
    /digest of \/.* is wrong/,
  ],
  [
    'the digest of a file',
    inode('opt/data', () => ({ digest: new Uint8Array(32) })),
    /digest of \/opt\/data is wrong/,
  ],
  [
    'the digest of a directory',
    inode('opt', () => ({ digest: new Uint8Array(32) })),
    /digest of \/opt is wrong/,
  ],
  ['a link count', inode('bin/suid', () => ({ nlink: 3 })), 'bin/suid: its link count is 3'],
  ['a link count of a directory', inode('opt', () => ({ nlink: 7 })), 'opt: its link count is 7'],
  ['a directory above', inode('opt/data', () => ({ parent: 1 })), /\/opt\/data: parent 1/],
  [
    'an inode number that is taken',
    inode('opt/same', ({ ino }) => ({ ino: ino - 1 })),
    /opt\/same/,
  ],
  ['a size', inode('opt/data', () => ({ size: 6999 })), /\/opt\/data: a chunk of/],
  ['a number of chunks', inode('opt/data', () => ({ childCount: 1 })), /\/opt\/data: 1 chunks/],
  ['a number of children', inode('opt', () => ({ childCount: 1 })), /digest of \/opt is wrong/],
  ['a flag of a symlink', inode('bin/sym', () => ({ flags: 0 })), /flags 0 for mode/],
  [
    'names that change places',
    inBootstrap((b) => {
      const [data, same] = ['opt/data', 'opt/same'].map((path) => inodeOf(b, path).offset)
      b.write('same', data! + RafsV5Inode.size)
      b.write('data', same! + RafsV5Inode.size)
    }),
    /\/opt\/data: file names are not in order/,
  ],
  [
    'the digest of a chunk',
    chunk(() => ({ digest: new Uint8Array(32) })),
    /digest of \/opt\/data is wrong/,
  ],
  ['the blob of a chunk', chunk(() => ({ blobIndex: 0 })), /opt\/data/],
  [
    'the blob of a chunk that is not there',
    chunk(() => ({ blobIndex: 9 })),
    /\/opt\/data: a chunk of blob 9/,
  ],
  ['the place of a chunk in the blob', chunk(() => ({ compressedOffset: 1 })), /^opt\/data: /],
  [
    'the place of a chunk behind the blob',
    chunk(() => ({ compressedOffset: 2 ** 30 })),
    /^opt\/data: .*ends behind the blob/,
  ],
  ['the stored size of a chunk', chunk(() => ({ compressedSize: 99 })), /^opt\/data: /],
  [
    'the size of a chunk',
    chunk(() => ({ uncompressedSize: 99 })),
    /\/opt\/data: a chunk of 99 bytes/,
  ],
  [
    'the place of a chunk in the file',
    chunk(() => ({ fileOffset: 99 })),
    /\/opt\/data: a chunk of/,
  ],
  ['how a chunk is stored', chunk(() => ({ flags: 1 })), /^opt\/data: /],
  [
    'the number of chunks of a blob',
    inBootstrap((b) =>
      edit(b, RafsV5ExtendedBlob, extendedBlobAt(b, UPPER), () => ({ chunkCount: 1 })),
    ),
    /blob 1/,
  ],
  [
    'the stored size of a blob',
    inBootstrap((b) =>
      edit(b, RafsV5ExtendedBlob, extendedBlobAt(b, UPPER), () => ({ compressedSize: 600 })),
    ),
    /blob 1/,
  ],
  [
    'what is prefetched',
    inBootstrap((b) => void b.writeUInt32LE(9999, prefetchTableAt(b))),
    /prefetch table/,
  ],
  [
    'an end that is cut off',
    inBootstrapLayer((parts) => void (parts.bootstrap = parts.bootstrap.subarray(0, -80))),
    /\/.*usr|opt/,
  ],
  ['a flipped bit in a chunk', inBlob(UPPER, (b) => (flip(b, 1000), b)), /^opt\/data: /],
  ['a blob that is cut off', inBlob(UPPER, (b) => b.subarray(0, 100)), /^opt\/data: .*ends behind/],
  [
    'a blob that is missing',
    ({ layers }) => void layers.splice(UPPER, 1),
    /blob sha256:[0-9a-f]{64}/,
  ],
  [
    'blobs in the place of each other',
    inBootstrapLayer(({ bootstrap }, { layers }) => {
      const [lower, upper] = layers.map(({ descriptor }) => Buffer.from(hexOf(descriptor.digest)))
      const [at, other] = [bootstrap.indexOf(lower!), bootstrap.indexOf(upper!)]
      bootstrap.set(upper!, at)
      bootstrap.set(lower!, other)
    }),
    /^etc\/motd: /,
  ],
  [
    'a wrong version',
    annotation(-1, FS_VERSION_ANNOTATION, '6'),
    /sha256:[0-9a-f]{64}: .*nydus-fs-version/,
  ],
  ['a diffID of the bootstrap', layer(-1, (one) => void (one.diffId = OTHER)), /its diffID is/],
])
