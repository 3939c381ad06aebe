import { AccelError } from '../../errors/accel-error.ts'
import { blobsInUse, renumberBlobs } from '../../formats/nydus-tree/blob-use.ts'
import { isDirectory } from '../../formats/nydus-tree/file-mode.ts'
import { type FileTree, NONE, ROOT } from '../../formats/nydus-tree/file-tree.ts'
import { followPath } from '../../formats/nydus-tree/follow-path.ts'
import { numberTree } from '../../formats/nydus-tree/numbering.ts'
import { dropWhiteouts, overlay } from '../../formats/nydus-tree/overlay.ts'
import { namesOf, type LayerDetail } from './layer-detail.ts'
import { isOwnBlob, type Bootstrap, type Rafs, type RafsBlob } from './rafs.ts'

/** A layer to be merged. */
export interface MergeLayer {
  bootstrap: Bootstrap
  /** Id of its own blob, hex digits of its digest, and its size. */
  blob: { id: string; size: number }
  detail: LayerDetail
  /** Names it in messages. */
  what: string
}

/** The tree of a whole image, and the blob table that its chunks are numbered by. */
export interface MergedImage {
  tree: FileTree
  blobs: RafsBlob[]
}

/**
 * Puts the layers of an image over each other, from the lowest up: takes one after the other, so that only one is in
 * memory besides the image. Numbers depend on the layers alone. Source: nydus builder/src/merge.rs.
 */
export class ImageMerge {
  readonly #rafs: Rafs
  #tree: FileTree | undefined = undefined
  readonly #blobs: RafsBlob[] = []
  readonly #places = new Map<string, number>()

  constructor(rafs: Rafs) {
    this.#rafs = rafs
  }

  /** Puts a layer over those before. Throws FORMAT_INVALID, DRIVER_ENTRY_REFUSED. */
  add(layer: MergeLayer): void {
    const { tree: upper, blobs } = layer.bootstrap
    const blobIndexes = blobs.map((blob) => this.#placeOf(blob, layer.blob))
    const { detail } = layer
    const lower = this.#tree
    if (lower === undefined) {
      // The lowest is the image so far: no second tree for images of one layer.
      this.#tree = upper
      dropWhiteouts(upper)
      const { chunks } = upper.inodes
      for (let id = 0; id < chunks.length; id++) {
        chunks.setBlobIndex(id, blobIndexes[chunks.blobIndexOf(id)]!)
      }
      this.#link(upper, detail, layer.what, [])
      return
    }
    const targets = detail.links.map(([, target]) => fileAt(lower, target))
    const invented = new Set(detail.invented.map((path) => nodeOf(upper, path)))
    overlay(lower, upper, { blobIndexes, invented })
    this.#link(lower, detail, layer.what, targets)
  }

  /** The image. Nothing may follow. */
  finish(): MergedImage {
    const tree = this.#tree!
    const order = blobsInUse(tree, numberTree(tree))
    renumberBlobs(tree, order)
    return { tree, blobs: order.map((blob) => this.#blobs[blob]!) }
  }

  /** The place of a layer's blob in the image's table; blobs with one id are one. */
  #placeOf(blob: RafsBlob, own: MergeLayer['blob']): number {
    const id = isOwnBlob(blob) ? own.id : blob.blobId
    const known = this.#places.get(id)
    if (known !== undefined) return known
    const place = this.#blobs.push(this.#rafs.imageBlob(blob, own)) - 1
    this.#places.set(id, place)
    return place
  }

  /**
   * Adds hard links to files of the layers below. The target is what was there before this layer (`targets`), which
   * tar finds when it unpacks; or else what the layer itself has further back.
   */
  #link(tree: FileTree, detail: LayerDetail, what: string, targets: readonly number[]): void {
    for (const [i, [path, target]] of detail.links.entries()) {
      const before = targets[i] ?? NONE
      const inode = before === NONE ? fileAt(tree, target) : before
      if (inode === NONE) {
        throw new AccelError('DRIVER_ENTRY_REFUSED', {
          what,
          path: Buffer.from(path, 'latin1').toString(),
          problem: `it is a hard link to ${JSON.stringify(Buffer.from(target, 'latin1').toString())}, which no layer has`,
        })
      }
      const names = namesOf(path)
      const parent = followPath(tree, names.slice(0, -1))
      // The layer has its directories, at least as invented ones.
      const node = tree.lookup(parent, names.at(-1)!)
      if (node === NONE) tree.add(parent, names.at(-1)!, inode)
      else {
        tree.clear(node)
        tree.setInode(node, inode)
      }
    }
  }
}

/** The inode of what is at a path and is no directory, or NONE. */
function fileAt(tree: FileTree, path: string): number {
  const names = namesOf(path)
  const parent = followPath(tree, names.slice(0, -1))
  const node = parent === NONE ? NONE : tree.lookup(parent, names.at(-1) ?? new Uint8Array())
  return node === NONE || isDirectory(tree.mode(node)) ? NONE : tree.inodeOf(node)
}

/** The node of a directory that the layer has. */
function nodeOf(tree: FileTree, path: string): number {
  return namesOf(path).reduce((node, name) => tree.lookup(node, name), ROOT)
}
