import { Listing, type ListingData } from '../formats/listing/listing.ts'
import { MergedTree } from '../formats/listing/merged-tree.ts'
import type { LayerHost } from '../threads/layer-host.ts'

/** The data of a listing, whose memory is moved with the result of the job. */
export function transferred(
  { bytes, count, pieceSize }: ListingData,
  host: LayerHost,
): ListingData {
  host.transfer.push(bytes.buffer as ArrayBuffer)
  return { bytes, count, pieceSize }
}

/** The file system of layers, the lowest first. */
export function treeOf(layers: readonly ListingData[]): MergedTree {
  const tree = new MergedTree()
  for (const layer of layers) tree.apply(new Listing(layer))
  return tree
}
