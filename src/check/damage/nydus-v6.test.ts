/** Nydus, RAFS v6: what a conversion could do wrong, and what is said of it. */
import {
  BLOB_ANNOTATION,
  BOOTSTRAP_ANNOTATION,
  FS_VERSION_ANNOTATION,
} from '../../drivers/nydus/annotation.ts'
import {
  ErofsChunkIndex,
  ErofsDeviceSlot,
  ErofsInodeExtended,
  ErofsSuperblock,
} from '../../formats/erofs/layout.ts'
import { SectionName } from '../../formats/nydus-blob/toc.ts'
import { RafsV6Blob, RafsV6SuperblockExt } from '../../formats/rafs-v6/layout.ts'
import { digestOf } from '../../oci/digest.ts'
import { annotation, layer } from '../../testing/damage/common-damage.ts'
import { damageSuite } from '../../testing/damage/damage-bench.ts'
import {
  flip,
  inChunkTable,
  inToc,
  otherChunk,
  sealed,
} from '../../testing/damage/nydus-blob-edit.ts'
import { edit, inBlob, inBootstrap, inBootstrapLayer } from '../../testing/damage/nydus-edit.ts'
import { nydusTreeDamage } from '../../testing/damage/nydus-tree-damage.ts'
import {
  blobEntryAt,
  chunkAddressAt,
  chunkRecordAt,
  deviceSlotAt,
  directoryBytes,
  EXTENDED_AT,
  inodeOf,
  prefetchTableAt,
  SUPERBLOCK_AT,
} from '../../testing/damage/rafs-v6-places.ts'

const OTHER = digestOf('other')

/** The blob of the upper layer is the second; its first chunk is that of `etc/motd`, `opt/data` has the two next. */
const UPPER = 1
const DATA = 1

const driver = '{type: nydus, config: {fs_chunk_size: "0x1000"}}'

damageSuite(
  'damage to the tree of a RAFS v6 image is noticed and named',
  { driver },
  nydusTreeDamage,
)

damageSuite('damage to a RAFS v6 bootstrap is noticed and named', { driver }, [
  ['the magic', inBootstrap((b) => flip(b, SUPERBLOCK_AT)), /magic|bootstrap/],
  [
    'the root',
    inBootstrap((b) =>
      edit(b, ErofsSuperblock, SUPERBLOCK_AT, ({ rootNid }) => ({ rootNid: rootNid + 2 })),
    ),
    /bootstrap/,
  ],
  [
    'a second compressor',
    inBootstrap((b) =>
      edit(b, RafsV6SuperblockExt, EXTENDED_AT, ({ flagsLow }) => ({ flagsLow: flagsLow | 3 })),
    ),
    /several, compressors/,
  ],
  [
    'the chunk size',
    inBootstrap((b) => edit(b, RafsV6SuperblockExt, EXTENDED_AT, () => ({ chunkSize: 8192 }))),
    /chunk size/,
  ],
  [
    'a link count',
    inBootstrap((b) =>
      edit(b, ErofsInodeExtended, inodeOf(b, 'bin/suid').offset, () => ({ nlink: 3 })),
    ),
    'bin/link: its link count is 3',
  ],
  [
    'a link count of a directory',
    inBootstrap((b) => edit(b, ErofsInodeExtended, inodeOf(b, 'opt').offset, () => ({ nlink: 7 }))),
    'opt: its link count is 7',
  ],
  [
    'a size',
    inBootstrap((b) =>
      edit(b, ErofsInodeExtended, inodeOf(b, 'opt/data').offset, () => ({ size: 6999 })),
    ),
    /opt\/data.*6999|opt\/data.*bytes/,
  ],
  [
    'names that change places',
    inBootstrap((b) => {
      const directory = directoryBytes(b, 'opt')
      directory.write('samedata', directory.indexOf('datasame'))
    }),
    /\/opt: .*order/,
  ],
  [
    'a file type in a directory',
    inBootstrap((b) => {
      const directory = directoryBytes(b, 'opt')
      directory[2 * 12 + 10] = 2
    }),
    /\/opt/,
  ],
  [
    'names that lead to each other',
    inBootstrap((b) => {
      const directory = directoryBytes(b, 'opt')
      const nid = directory.readBigUInt64LE(2 * 12)
      directory.writeBigUInt64LE(directory.readBigUInt64LE(3 * 12), 2 * 12)
      directory.writeBigUInt64LE(nid, 3 * 12)
    }),
    'opt/data: content',
  ],
  [
    'the blob of a chunk in an inode',
    inBootstrap((b) =>
      edit(b, ErofsChunkIndex, chunkAddressAt(b, 'opt/data'), () => ({ deviceId: 1 })),
    ),
    /\/opt\/data: chunk/,
  ],
  [
    'the number of a chunk in an inode',
    inBootstrap((b) =>
      edit(b, ErofsChunkIndex, chunkAddressAt(b, 'opt/data'), ({ advise }) => ({
        advise: advise + 2,
      })),
    ),
    /\/opt\/data: chunk/,
  ],
  [
    'the place of a chunk in an inode',
    inBootstrap((b) =>
      edit(b, ErofsChunkIndex, chunkAddressAt(b, 'opt/data'), ({ blkaddr }) => ({
        blkaddr: blkaddr + 1,
      })),
    ),
    /\/opt\/data: chunk/,
  ],
  [
    'the digest of a chunk in the chunk table',
    inBootstrap((b) => flip(b, chunkRecordAt(b, UPPER, DATA))),
    /^opt\/data: .*digest/,
  ],
  [
    'the id of a blob',
    inBootstrap((b) =>
      edit(b, RafsV6Blob, blobEntryAt(b, UPPER), () => ({ blobId: 'ab'.repeat(32) })),
    ),
    /abab/,
  ],
  [
    'blobs that change places',
    inBootstrap((b) => {
      const [first, second] = [0, 1].map(
        (i) => RafsV6Blob.decode(new DataView(b.buffer, b.byteOffset), blobEntryAt(b, i)).blobId,
      )
      edit(b, RafsV6Blob, blobEntryAt(b, 0), () => ({ blobId: second! }))
      edit(b, RafsV6Blob, blobEntryAt(b, 1), () => ({ blobId: first! }))
    }),
    /opt\/data|device/,
  ],
  ...(
    [
      ['the number of chunks of a blob', { chunkCount: 2 }],
      ['the compressor of a blob', { compressor: 1 }],
      ['the digest function of a blob', { digester: 1 }],
      ['the features of a blob', { features: 0x7000_0001 }],
      ['the stored size of a blob', { compressedSize: 9000 }],
      ['the size of a blob', { uncompressedSize: 4096 }],
      ['where the chunk table of a blob is', { ciOffset: 512 }],
      ['the stored size of the chunk table of a blob', { ciCompressedSize: 20 }],
      ['how the chunk table of a blob is stored', { ciCompressor: 1 }],
      ['a key of a blob that is not encrypted', { cipher: 1 }],
    ] as const
  ).map(
    ([what, change]) =>
      [
        what,
        inBootstrap((b) => edit(b, RafsV6Blob, blobEntryAt(b, UPPER), () => change)),
        /opt\/data|etc\/motd|blob 1/,
      ] as const,
  ),
  [
    'the name of a device',
    inBootstrap((b) =>
      edit(b, ErofsDeviceSlot, deviceSlotAt(UPPER), () => ({ tag: 'ab'.repeat(32) })),
    ),
    /device 1/,
  ],
  [
    'the size of a device',
    inBootstrap((b) => edit(b, ErofsDeviceSlot, deviceSlotAt(UPPER), () => ({ blocks: 1 }))),
    /device 1/,
  ],
  [
    'where a device is mapped',
    inBootstrap((b) => edit(b, ErofsDeviceSlot, deviceSlotAt(UPPER), () => ({ mappedBlkaddr: 1 }))),
    /device 1/,
  ],
  [
    'what is prefetched',
    inBootstrap((b) => void b.writeUInt32LE(1, prefetchTableAt(b))),
    /prefetch table/,
  ],
  [
    'an end that is cut off',
    inBootstrapLayer((parts) => void (parts.bootstrap = parts.bootstrap.subarray(0, -4096))),
    /chunk table/,
  ],
])

damageSuite('damage to the blobs of a RAFS v6 image is noticed and named', { driver }, [
  [
    'a flipped bit in a chunk',
    inBlob(
      UPPER,
      sealed((b) => flip(b, 200)),
    ),
    /^opt\/data: |^etc\/motd: /,
  ],
  [
    'a flipped bit in a chunk, and the ToC says the old digest',
    inBlob(UPPER, (b) => (flip(b, 200), b)),
    /^opt\/data: .*image\.blob has not the digest/,
  ],
  ['other content with its own digests', otherChunk(UPPER, DATA), 'opt/data: content'],
  [
    'places in the chunk table',
    inBlob(
      UPPER,
      inChunkTable(({ chunks }) => void (chunks[DATA]!.compressedOffset += 1)),
    ),
    /^opt\/data: .*elsewhere/,
  ],
  [
    'a stored size in the chunk table',
    inBlob(
      UPPER,
      inChunkTable(({ chunks }) => void (chunks[0]!.compressedSize -= 1)),
    ),
    /^etc\/motd: .*elsewhere/,
  ],
  [
    'a digest in the digests',
    inBlob(
      UPPER,
      sealed((b, blob) => flip(b, blob.section(SectionName.digests)!.offset + DATA * 32)),
    ),
    /^opt\/data: .*another digest/,
  ],
  [
    'a digest in the ToC',
    inBlob(
      UPPER,
      inToc((items) => flip(items[1]!.uncompressedDigest, 3)),
    ),
    /^opt\/data: .*blob\.meta/,
  ],
  [
    'a place in the ToC',
    inBlob(
      UPPER,
      inToc((items) => void (items[1]!.compressedOffset += 9)),
    ),
    /^opt\/data: .*blob\.meta/,
  ],
  ['an end that is cut off', inBlob(UPPER, (b) => b.subarray(0, -512)), /^opt\/data: /],
  ['a section that is not there', inBlob(UPPER, (b) => b.subarray(512)), /^opt\/data: /],
])

damageSuite(
  'damage to the manifest and layers of a RAFS v6 image is noticed and named',
  { driver },
  [
    [
      'a blob that is missing',
      ({ layers }) => void layers.splice(UPPER, 1),
      /blob sha256:[0-9a-f]{64}/,
    ],
    [
      'a bootstrap that is not marked',
      annotation(-1, BOOTSTRAP_ANNOTATION, undefined),
      /no layer .*bootstrap/,
    ],
    [
      'a blob that is not marked',
      annotation(UPPER, BLOB_ANNOTATION, undefined),
      /sha256:[0-9a-f]{64}: .*nydus-blob/,
    ],
    [
      'a wrong version',
      annotation(-1, FS_VERSION_ANNOTATION, '5'),
      /sha256:[0-9a-f]{64}: .*nydus-fs-version/,
    ],
    [
      'a wrong version of the manifest',
      ({ manifest }) =>
        void (manifest.annotations = { ...manifest.annotations, [FS_VERSION_ANNOTATION]: '5' }),
      /manifest: .*nydus-fs-version/,
    ],
    [
      'a bootstrap below its blobs',
      ({ layers }) => void layers.unshift(layers.pop()!),
      /sha256:[0-9a-f]{64}: .*last/,
    ],
    ['a diffID of the bootstrap', layer(-1, (one) => void (one.diffId = OTHER)), /its diffID is/],
    ['a diffID of a blob', layer(UPPER, (one) => void (one.diffId = OTHER)), /its diffID is/],
    [
      'a size in the manifest',
      layer(
        UPPER,
        (one) => void (one.descriptor = { ...one.descriptor, size: one.descriptor.size + 1 }),
      ),
      /@sha256:[0-9a-f]{64}: read/,
    ],
    [
      'a digest in the manifest',
      layer(UPPER, (one) => void (one.descriptor = { ...one.descriptor, digest: OTHER })),
      new RegExp(`blobs/${OTHER.replace(':', '/')} is not in`),
    ],
    [
      'a chunk table beside the bootstrap',
      inBootstrapLayer(({ metas }) => flip([...metas.values()][UPPER]!, 30)),
      /image\/[0-9a-f]{64}\.blob\.meta: /,
    ],
    [
      'the chunk table of another blob beside the bootstrap',
      inBootstrapLayer(({ metas }) => {
        const [first, second] = metas.keys()
        metas.set(first!, metas.get(second!)!)
      }),
      /image\/[0-9a-f]{64}\.blob\.meta: /,
    ],
    [
      'a bootstrap layer without a bootstrap',
      inBootstrapLayer((parts) => void (parts.bootstrap = Buffer.alloc(0))),
      /bootstrap/,
    ],
    ['another command', ({ config }) => void (config['config'] = {}), /config: Cmd/],
  ],
)
