import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { LayerView } from '../formats/listing/layer-view.ts'
import type { CheckedBlob } from '../formats/nydus-blob/checked-blob.ts'
import type { ListingData } from '../formats/listing/listing.ts'
import type { LayerContentData } from './content-table.ts'
import type { InflatedLayer } from './estargz/inflated-layer.ts'

/** A layer as the driver made it. Plain data (structured clone): it is kept on disk beside the blob until its image is done. */
export interface LayerResult {
  /** The new blob, as it stands in the manifest: media type, digest, size, annotations. */
  descriptor: Descriptor
  /**
   * The same blob as it stands in the manifests of the driver's variants, in their order: only annotations differ.
   * Absent where `descriptor` stands in all of them.
   */
  variants?: Descriptor[]
  diffId: Digest
  /** Bytes of the uncompressed target layer. */
  uncompressedSize: number
  /** Bytes of the blob that say where its files are: table of contents, tar-split, footer. Absent where it has none. */
  indexSize?: number
  /** Bytes of the uncompressed source layer. */
  sourceUncompressedSize: number
  /** Why the source blob was kept as it is (it then is `descriptor`), or undefined. */
  kept?: string
  /** What the format cannot say, or what was left out, in sentences that name the path. */
  warnings: string[]
  /** What the layer holds, as far as the layers above may have to ask. */
  content: LayerContentData
  /** What the source layer holds, path by path, where the context asked for it: what the result is compared with. */
  listing?: ListingData
  /** What came out of the new blob while it was made; it is looked at once, and not kept. */
  inflated?: InflatedLayer
  /** How readers see the new blob, where the format's layers can be read one by one. Drivers leave it out. */
  view?: LayerView
  /** The new blob is one of Nydus, and its chunks were read back. Drivers leave it out. */
  checkedBlob?: CheckedBlob
  /** It must not stand for its source anywhere else: it holds something that may not leave this machine. */
  unshared?: true
  /** Entries of the tar, for the report. */
  entries: number
  /** What the image step must know of the layer and its blob does not say: JSON, the driver's own. */
  detail?: unknown
}
