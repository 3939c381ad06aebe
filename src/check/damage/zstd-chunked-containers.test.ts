/** zstd:chunked for containers/storage: what a conversion could do wrong, and what is said of it. */
import { TOC_DIGEST_ANNOTATION } from '../../formats/estargz/layout.ts'
import {
  CONTAINERS_CHECKSUM_ANNOTATION,
  CONTAINERS_POSITION_ANNOTATION,
  TAR_SPLIT_POSITION_ANNOTATION,
} from '../../formats/zstd-chunked/layout.ts'
import { digestOf } from '../../oci/digest.ts'
import {
  fileRecord,
  flippedFrame,
  inLayer,
  otherContent,
  row,
  segmentBefore,
  type ChunkedParts,
} from '../../testing/damage/chunked-layer.ts'
import { annotation, blob, flipped } from '../../testing/damage/common-damage.ts'
import { damageSuite, type Damage } from '../../testing/damage/damage-bench.ts'
import type { StoredImage } from '../../testing/damage/stored-image.ts'

const OTHER = digestOf('other')

const split = (change: (parts: ChunkedParts) => void): Damage => inLayer(0, change)

/** Gives a layer the annotation of the other dialect, with the right value. */
async function withTocDigest(image: StoredImage): Promise<void> {
  let json = ''
  await inLayer(0, ({ toc }) => void (json = JSON.stringify(toc)))(image)
  await annotation(0, TOC_DIGEST_ANNOTATION, digestOf(json))(image)
}

/** Where fields of a tar header are. Source: POSIX.1-2024 pax, "ustar Interchange Format". */
const MODE_AT = 100
const SIZE_AT = 124

/** Each is told of the layer as the first thing that is wrong with it. */
damageSuite(
  'damage to zstd:chunked for containers/storage is noticed and named',
  { driver: '{type: zstdchunked, config: {dialect: containers, chunk_size: "4096"}}' },
  [
    [
      'a mode in the TOC',
      inLayer(0, (parts) => void (row(parts, 'usr/ping').mode = 0o644)),
      'usr/ping: mode',
    ],
    [
      'a mode in the tar-split',
      split((parts) => segmentBefore(parts, 'usr/ping', (bytes) => (bytes[MODE_AT + 5]! ^= 1))),
      'usr/big: tar-split: the header behind it',
    ],
    [
      'a size in the tar-split',
      split((parts) => segmentBefore(parts, 'bin/suid', (bytes) => (bytes[SIZE_AT + 9]! ^= 1))),
      'bin: tar-split: the header behind it',
    ],
    [
      'the first header of the tar-split',
      split((parts) => segmentBefore(parts, 'bin/', (bytes) => (bytes[0]! ^= 1))),
      'tar-split: tar-split: it begins with another header',
    ],
    [
      'the CRC of a file',
      split((parts) => void (fileRecord(parts, 'etc/hosts').payload = 'AAAAAAAAAAA=')),
      'etc/hosts: tar-split: the CRC',
    ],
    [
      'a file without a CRC',
      split((parts) => void (fileRecord(parts, 'etc/hosts').payload = null)),
      'etc/hosts: tar-split: the CRC is missing',
    ],
    [
      'a file that the tar-split calls otherwise',
      split((parts) => void (fileRecord(parts, 'etc/hosts').name = 'etc/gone')),
      'etc/gone: tar-split: the TOC has not these 800 bytes',
    ],
    [
      'a file of another size in the tar-split',
      split((parts) => void (fileRecord(parts, 'etc/hosts').size = 799)),
      'etc/hosts: tar-split: the TOC has not these 799 bytes',
    ],
    [
      'a record that is missing',
      split(({ tarSplit }) => void tarSplit!.splice(tarSplit!.length - 2, 1)),
      /it has the position/,
    ],
    [
      'an end that is missing',
      split(({ tarSplit }) => void tarSplit!.pop()),
      'usr/zeros: tar-split: it ends before the tar',
    ],
    [
      'more than the tar',
      split(({ tarSplit }) => {
        const last = { type: 2, payload: 'AAAA', position: tarSplit!.length }
        tarSplit!.push(last)
      }),
      'usr/zeros: tar-split: it goes on behind the tar',
    ],
    [
      'a record of no type',
      split(({ tarSplit }) => void (tarSplit![3]!.type = 7)),
      /it has the type 7/,
    ],
    [
      'no digest of the tar-split',
      split(({ toc }) => void delete toc.tarSplitDigest),
      /does not say the digest of the tar-split/,
    ],
    ['no tar-split', split((parts) => void (parts.tarSplit = undefined)), /there is no tar-split/],
    [
      'the position of the tar-split',
      annotation(0, TAR_SPLIT_POSITION_ANNOTATION, '1:2:3'),
      /tarsplit-position says/,
    ],
    [
      'no position of the tar-split',
      annotation(0, TAR_SPLIT_POSITION_ANNOTATION, undefined),
      /layer sha256:[0-9a-f]{64}: the annotation .*tarsplit-position is missing/,
    ],
    [
      'the digest of the TOC',
      annotation(0, CONTAINERS_CHECKSUM_ANNOTATION, OTHER),
      /its compressed TOC/,
    ],
    [
      'no digest of the TOC',
      annotation(0, CONTAINERS_CHECKSUM_ANNOTATION, undefined),
      /layer sha256:[0-9a-f]{64}: the annotation .*manifest-checksum is missing/,
    ],
    [
      'the position of the TOC',
      annotation(0, CONTAINERS_POSITION_ANNOTATION, '1:2:3:1'),
      /manifest-position says/,
    ],
    [
      'the annotations of both dialects',
      withTocDigest,
      /layer sha256:[0-9a-f]{64}: containers\/storage refuses a layer with both/,
    ],
    [
      'data that is said to be zeros',
      inLayer(0, (parts) => void (row(parts, 'usr/big', 'chunk').chunkType = 'zeros')),
      'usr/big: its chunk at 4096 is said to be zeros',
    ],
    ['a flipped bit in a frame', flippedFrame(0, 'usr/big'), /usr\/big/],
    ['a flipped bit in the tar-split', flipped(0, -200), /its tar-split/],
    ['an end that is cut off', blob(0, (bytes) => bytes.subarray(0, -1)), /there is no footer/],
    [
      'other content with its own digests and CRC',
      inLayer(0, (parts) => otherContent(parts, 'usr/xattr', 'HELLO')),
      'usr/xattr: content',
    ],
  ],
)
