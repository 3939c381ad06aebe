/** Nydus with small files in batches: what a conversion could do wrong with these, and what is said of it. */
import type { BatchContext } from '../../formats/nydus-blob/layout.ts'
import { damageSuite } from '../../testing/damage/damage-bench.ts'
import {
  flip,
  inChunkTable,
  sealed,
  type EditedTable,
} from '../../testing/damage/nydus-blob-edit.ts'
import { inBlob } from '../../testing/damage/nydus-edit.ts'

/** The lower layer has the small files. */
const LOWER = 0

damageSuite(
  'damage to a Nydus image with batches is noticed and named',
  { driver: '{type: nydus, config: {fs_chunk_size: "0x4000", batch_size: "0x4000"}}' },
  [
    [
      'a flipped bit in a batch',
      inBlob(
        LOWER,
        sealed((b) => flip(b, 100)),
      ),
      /^(bin|etc|usr)\/\w+: /,
    ],
    [
      'a place in a batch',
      inBlob(
        LOWER,
        inChunkTable(({ chunks }) => void (chunks.find(inHosts)!.batch!.offset -= 1)),
      ),
      /^etc\/hosts: .*digest/,
    ],
    [
      'a place behind a batch',
      inBlob(
        LOWER,
        inChunkTable(({ chunks }) => void (chunks.find(inHosts)!.batch!.offset = 16000)),
      ),
      /^etc\/hosts: .*outside its batch/,
    ],
    [
      'a batch that is not there',
      inBlob(
        LOWER,
        inChunkTable(({ chunks }) => void (chunks.find(inHosts)!.batch!.batch = 9)),
      ),
      /^etc\/hosts: .*outside its batch/,
    ],
    [
      'the stored size of a batch',
      inBlob(
        LOWER,
        inChunkTable(firstBatch(({ compressedSize }) => ({ compressedSize: compressedSize - 3 }))),
      ),
      /^etc\/hosts: /,
    ],
    [
      'the size of a batch',
      inBlob(
        LOWER,
        inChunkTable(
          firstBatch(({ uncompressedSize }) => ({ uncompressedSize: uncompressedSize + 1 })),
        ),
      ),
      /^etc\/hosts: /,
    ],
    [
      'a size of a chunk in a batch',
      inBlob(
        LOWER,
        inChunkTable(({ chunks }) => void (chunks.find(inHosts)!.uncompressedSize -= 1)),
      ),
      /^etc\/hosts: .*elsewhere/,
    ],
  ],
)

/** The chunk of `etc/hosts`, which alone has 800 bytes. */
function inHosts({ uncompressedSize }: { uncompressedSize: number }): boolean {
  return uncompressedSize === 800
}

function firstBatch(
  change: (batch: BatchContext) => Partial<BatchContext>,
): (table: EditedTable) => void {
  return ({ batches }) => void Object.assign(batches![0]!, change(batches![0]!))
}
