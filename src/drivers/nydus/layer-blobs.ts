import { blobsInUse, renumberBlobs } from '../../formats/nydus-tree/blob-use.ts'
import type { FileTree } from '../../formats/nydus-tree/file-tree.ts'
import { numberTree } from '../../formats/nydus-tree/numbering.ts'
import { OWN_BLOB } from './layer-build.ts'
import type { RafsBlob } from './rafs.ts'

/**
 * The blob table of a layer's bootstrap, and renumbers its chunks to it: blobs of the dictionary that files refer to,
 * and the layer's own, if it has one. While a layer is built its own blob is OWN_BLOB, and the dictionary's come behind.
 */
export function layerBlobs(
  tree: FileTree,
  own: RafsBlob | undefined,
  dictionary: readonly RafsBlob[],
): RafsBlob[] {
  if (dictionary.length === 0) return own === undefined ? [] : [own]
  const order = blobsInUse(tree, numberTree(tree))
  // Chunks of files that later entries took the place of are there all the same.
  if (own !== undefined && !order.includes(OWN_BLOB)) order.push(OWN_BLOB)
  renumberBlobs(tree, order)
  return order.map((blob) => (blob === OWN_BLOB ? own! : dictionary[blob - OWN_BLOB - 1]!))
}
