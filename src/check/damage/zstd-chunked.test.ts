/** zstd:chunked for the stargz snapshotter: what a conversion could do wrong, and what is said of it. */
import { TOC_DIGEST_ANNOTATION } from '../../formats/estargz/layout.ts'
import { encodeStargzFooter } from '../../formats/zstd-chunked/footer.ts'
import {
  STARGZ_CHECKSUM_ANNOTATION,
  STARGZ_POSITION_ANNOTATION,
} from '../../formats/zstd-chunked/layout.ts'
import type { ZstdChunkedEntry } from '../../formats/zstd-chunked/toc.ts'
import { digestOf } from '../../oci/digest.ts'
import { flippedFrame, inLayer, otherContent, row } from '../../testing/damage/chunked-layer.ts'
import { annotation, blob, flipped } from '../../testing/damage/common-damage.ts'
import { damageSuite, type Damage } from '../../testing/damage/damage-bench.ts'
import { lazyImageDamage } from '../../testing/damage/lazy-image-damage.ts'

const OTHER = digestOf('other')

const changed = (name: string, change: Partial<ZstdChunkedEntry>, type?: string): Damage =>
  inLayer(0, (parts) => void Object.assign(row(parts, name, type), change))

damageSuite(
  'damage to zstd:chunked for the stargz snapshotter is noticed and named',
  { driver: '{type: zstdchunked, config: {dialect: stargz, chunk_size: "4096"}}' },
  [
    ...lazyImageDamage,
    ['a mode', changed('usr/ping', { mode: 0o644 }), 'usr/ping: mode'],
    ['an owner', changed('bin/suid', { uid: 0 }), 'bin/suid: uid'],
    ['a group', changed('bin/suid', { gid: 0 }), 'bin/suid: gid'],
    ['a time', changed('etc/hosts', { modtime: '2023-11-14T22:13:21Z' }), 'etc/hosts: mtime'],
    ['a link target', changed('bin/sym', { linkName: 'sh' }), 'bin/sym: link target'],
    ['a hard link to another file', changed('bin/link', { linkName: 'etc/hosts' }), 'bin/link: '],
    ['a device number', changed('dev/null', { devMinor: 5 }), 'dev/null: device'],
    ['a type', changed('dev/fifo', { type: 'dir' }), 'dev/fifo: type'],
    ['a name', changed('etc/empty', { name: 'etc/emtpy' }), 'etc/empty: path'],
    ['a capability that is lost', changed('usr/ping', { xattrs: {} }), 'usr/ping: xattr'],
    ['a digest of a file', changed('etc/hosts', { digest: OTHER }), 'etc/hosts: its digest'],
    [
      'a digest of a chunk',
      changed('etc/hosts', { chunkDigest: OTHER }),
      'etc/hosts: the digest of its chunk at 0',
    ],
    [
      'a digest of a later chunk',
      changed('usr/big', { chunkDigest: OTHER }, 'chunk'),
      'usr/big: the digest of its chunk at 4096',
    ],
    [
      'the chunk of another file',
      inLayer(0, (parts) => {
        const { offset, digest, chunkDigest } = row(parts, 'etc/gone')
        Object.assign(row(parts, 'etc/hosts'), { offset, digest, chunkDigest })
      }),
      'etc/hosts: ',
    ],
    ['a size', changed('etc/hosts', { size: 799 }), 'etc/hosts: '],
    [
      'a chunk in the middle of a frame',
      changed('etc/hosts', { offset: 3500 }),
      /from etc\/gone up to etc\/hosts/,
    ],
    [
      'a chunk that is missing',
      inLayer(
        0,
        ({ toc }) =>
          void toc.entries.splice(
            toc.entries.findIndex(({ type }) => type === 'chunk'),
            1,
          ),
      ),
      /"usr\/big".* does not continue|chunk at 8192 does not continue a file/,
    ],
    [
      'a file that is missing',
      inLayer(
        0,
        (parts) =>
          void parts.toc.entries.splice(parts.toc.entries.indexOf(row(parts, 'etc/hosts')), 1),
      ),
      'etc/hosts: path',
    ],
    [
      'a file too many',
      inLayer(0, ({ toc }) => void toc.entries.push({ name: 'more', type: 'reg', mode: 0o644 })),
      'more: path',
    ],
    [
      'a whiteout that is missing',
      inLayer(
        1,
        ({ toc }) =>
          void toc.entries.splice(
            toc.entries.findIndex(({ name }) => name.includes('.wh.')),
            1,
          ),
      ),
      'etc/gone: path',
    ],
    [
      'other content with its own digests',
      inLayer(0, (parts) => otherContent(parts, 'usr/xattr', 'HELLO')),
      'usr/xattr: content',
    ],
    ['a flipped bit in a frame', flippedFrame(0, 'usr/big'), /usr\/big/],
    ['a flipped bit in the TOC', flipped(0, -300), /TOC/],
    ['a flipped bit in the footer', flipped(0, -20), /footer|frame|layer/],
    ['an end that is cut off', blob(0, (bytes) => bytes.subarray(0, -1)), /there is no footer/],
    [
      'bytes behind the footer',
      blob(0, (bytes) => Buffer.concat([bytes, Buffer.alloc(8)])),
      /there is no footer/,
    ],
    [
      'a footer that points elsewhere',
      blob(0, (bytes) => {
        const footer = encodeStargzFooter({ offset: 8, size: 100, uncompressedSize: 200 })
        return Buffer.concat([bytes.subarray(0, -footer.length), footer])
      }),
      /manifest-position says|no skippable frame/,
    ],
    ['the digest of the TOC', annotation(0, TOC_DIGEST_ANNOTATION, OTHER), /its TOC/],
    ['no digest of the TOC', annotation(0, TOC_DIGEST_ANNOTATION, undefined), /toc\.digest/],
    [
      'the digest of the compressed TOC',
      annotation(0, STARGZ_CHECKSUM_ANNOTATION, OTHER),
      /its compressed TOC/,
    ],
    [
      'the position of the TOC',
      annotation(0, STARGZ_POSITION_ANNOTATION, '1:2:3:1'),
      /manifest-position says/,
    ],
    [
      'no position of the TOC',
      annotation(0, STARGZ_POSITION_ANNOTATION, undefined),
      /manifest-position/,
    ],
  ],
)
