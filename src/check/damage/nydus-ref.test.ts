/** Nydus by reference (`oci_ref`): what a conversion could do wrong, and what is said of it. */
import { REF_ANNOTATION } from '../../drivers/nydus/annotation.ts'
import type { ChunkInfo } from '../../formats/nydus-blob/chunk-info.ts'
import type { ZranContext } from '../../formats/nydus-blob/layout.ts'
import { SectionName } from '../../formats/nydus-blob/toc.ts'
import { RafsV6Blob } from '../../formats/rafs-v6/layout.ts'
import { digestOf } from '../../oci/digest.ts'
import { annotation, layer } from '../../testing/damage/common-damage.ts'
import { damageSuite, type Damage } from '../../testing/damage/damage-bench.ts'
import { largeDamagedLayers } from '../../testing/damage/damaged-layers.ts'
import {
  flip,
  inChunkTable,
  inToc,
  sealed,
  type EditedTable,
} from '../../testing/damage/nydus-blob-edit.ts'
import { edit, inBlob, inBootstrap, inTree } from '../../testing/damage/nydus-edit.ts'
import { blobEntryAt } from '../../testing/damage/rafs-v6-places.ts'

const OTHER = digestOf('other')
const [LOWER, UPPER] = [0, 1]

const table = (change: (table: EditedTable) => void): Damage => inBlob(LOWER, inChunkTable(change))

/** The number of a place from which the gzip is inflated, in the middle of a byte; it lies in `usr/large`. */
function placeOf({ zran }: EditedTable): number {
  return zran!.contexts.findIndex(({ pendingBits }) => pendingBits > 0)
}

/** Changes that place. */
const context = (change: (context: ZranContext) => Partial<ZranContext>): Damage =>
  table((one) => {
    const place = one.zran!.contexts[placeOf(one)]!
    Object.assign(place, change(place))
  })

/** Changes the first chunk that is read from there. */
const chunk = (change: (chunk: ChunkInfo) => void): Damage =>
  table((one) => change(one.chunks.find(({ zran }) => zran?.context === placeOf(one))!))

const entry = (change: Partial<RafsV6Blob>): Damage =>
  inBootstrap((b) => edit(b, RafsV6Blob, blobEntryAt(b, LOWER), () => change))

damageSuite(
  'damage to a Nydus image by reference is noticed and named',
  {
    driver: '{type: nydus, config: {oci_ref: "true"}}',
    withSource: true,
    layers: largeDamagedLayers,
  },
  [
    ['a mode', inTree((t) => t.set('usr/ping', { mode: 0o100644 })), 'usr/ping: mode'],
    ['a file that is missing', inTree((t) => t.remove('etc/hosts')), 'etc/hosts: path'],
    [
      'a hard link that is a file of its own',
      inTree((t) => t.replaceInode('bin/suid')),
      'bin/link: hard links',
    ],
    [
      'the chunk of another file',
      inTree((t) => t.setChunks('opt/same', t.chunks('opt/data'))),
      'opt/same: content',
    ],
    [
      'the digest of a chunk',
      inTree((t) => t.changeChunk('opt/data', 0, { digest: new Uint8Array(32) })),
      /^opt\/data: .*digest/,
    ],
    [
      'where a place to inflate from is',
      context(({ inOffset }) => ({ inOffset: inOffset + 1 })),
      /^usr\/large: /,
    ],
    [
      'how much is inflated from there',
      context(({ inLength }) => ({ inLength: inLength - 9 })),
      /^usr\/large: /,
    ],
    ['how much comes of it', context(() => ({ outLength: 512 })), /^usr\/large: .*zran context/],
    [
      'the bits before it',
      context(({ pendingBits }) => ({ pendingBits: (pendingBits + 3) % 8 })),
      /^usr\/large: /,
    ],
    [
      'the byte before it',
      context(({ previousByte }) => ({ previousByte: previousByte ^ 0xff })),
      /^usr\/large: /,
    ],
    ['its window', table(({ zran }) => zran!.dictionaries.fill(0x55)), /^usr\/large: /],
    ['where its window is', context(() => ({ dictOffset: 2 ** 30 })), /^usr\/large: .*dictionary/],
    [
      'a window that is shorter',
      context(({ dictLength }) => ({ dictLength: dictLength - 99 })),
      /^usr\/large: /,
    ],
    [
      'a place that is not there',
      chunk(({ zran }) => void (zran!.context = 99)),
      /^usr\/large: .*zran context/,
    ],
    [
      'where a chunk is in what is inflated',
      chunk(({ zran }) => void (zran!.offset += 1)),
      /^usr\/large: /,
    ],
    [
      'a chunk behind what is inflated',
      chunk(({ zran }) => void (zran!.offset = 2 ** 30)),
      /^usr\/large: .*zran context/,
    ],
    ['a size of a chunk', chunk((one) => void (one.uncompressedSize -= 1)), /^usr\/large: /],
    [
      'a digest in the digests',
      inBlob(
        LOWER,
        sealed((b, blob) => flip(b, blob.section(SectionName.digests)!.offset)),
      ),
      /^bin\/link: .*another digest/,
    ],
    [
      'a digest in the ToC',
      inBlob(
        LOWER,
        inToc((items) => flip(items[0]!.uncompressedDigest, 3)),
      ),
      /^bin\/link: .*blob\.meta/,
    ],
    ['tables that are cut off', inBlob(LOWER, (b) => b.subarray(0, -512)), /^bin\/link: /],
    ['the id of the layer', entry({ blobId: 'ab'.repeat(32) }), /abab/],
    ['the id of the tables', entry({ blobMetaDigest: new Uint8Array(32) }), /sha256:00/],
    ['the stored size of the layer', entry({ compressedSize: 99 }), /^bin\/link: /],
    ['the number of chunks', entry({ chunkCount: 99 }), /blob 0|bin\/suid/],
    [
      'the layer that is read is another',
      ({ layers }) =>
        annotation(
          LOWER,
          REF_ANNOTATION,
          layers[UPPER]!.descriptor.annotations![REF_ANNOTATION],
        )({
          layers,
        } as never),
      /sha256:[0-9a-f]{64}: .*nydus-ref is/,
    ],
    [
      'the layer that is read is none of the source',
      annotation(LOWER, REF_ANNOTATION, OTHER),
      new RegExp(OTHER),
    ],
    [
      'the layer that is read is not said',
      annotation(LOWER, REF_ANNOTATION, undefined),
      /nydus-ref is missing/,
    ],
    [
      'the layer that is read is not there',
      ({ others }) => void others.shift(),
      /sha256\/[0-9a-f]{64} is not in/,
    ],
    [
      'tables that are missing',
      ({ layers }) => void layers.splice(LOWER, 1),
      /blob sha256:[0-9a-f]{64}/,
    ],
    ['a diffID of the tables', layer(LOWER, (one) => void (one.diffId = OTHER)), /its diffID is/],
  ],
)
