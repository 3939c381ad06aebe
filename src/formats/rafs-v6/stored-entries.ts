import { type DirectorySource, fileTypeOf } from '../erofs/directory.ts'
import type { FileTree } from '../nydus-tree/file-tree.ts'
import type { Numbering } from '../nydus-tree/numbering.ts'

const DOT = 0x2e

/**
 * The entries of one directory after another in stored order: `.` and `..` are sorted in among its children, since names
 * such as `!x` and `-x` come before them.
 */
export class StoredEntries implements DirectorySource {
  count = 0
  readonly #tree: FileTree
  readonly #numbering: Numbering
  /** By position: what `nidOf` gives. */
  readonly #nid: Uint32Array
  #position = 0
  #firstChild = 0
  /** Which entries they are. */
  #dot = 0
  #dotDot = 0

  /** `nid`: of each position; may be filled later. */
  constructor(tree: FileTree, numbering: Numbering, nid: Uint32Array) {
    this.#tree = tree
    this.#numbering = numbering
    this.#nid = nid
  }

  /** Turns to the directory at `position`. */
  open(position: number): void {
    const tree = this.#tree
    const { node, firstChild, childCount } = this.#numbering
    const first = firstChild[position] as number
    const end = first + (childCount[position] as number)
    let child = first
    while (child < end && tree.nameByteOf(node[child] as number, 0) < DOT) child++
    this.#dot = child - first
    while (
      child < end &&
      tree.nameByteOf(node[child] as number, 0) === DOT &&
      tree.nameByteOf(node[child] as number, 1) < DOT
    ) {
      child++
    }
    this.#dotDot = child - first + 1
    this.#position = position
    this.#firstChild = first
    this.count = end - first + 2
  }

  nameSizeOf(entry: number): number {
    if (entry === this.#dot) return 1
    if (entry === this.#dotDot) return 2
    return this.#tree.nameSizeOf(this.#nodeOf(entry))
  }

  copyName(entry: number, target: Uint8Array, at: number): void {
    if (entry === this.#dot || entry === this.#dotDot) {
      target[at] = DOT
      if (entry === this.#dotDot) target[at + 1] = DOT
    } else this.#tree.copyName(this.#nodeOf(entry), target, at)
  }

  nidOf(entry: number): number {
    return this.#nid[this.#targetOf(entry)] as number
  }

  fileTypeOf(entry: number): number {
    return fileTypeOf(this.#tree.mode(this.#nodeOf(entry)))
  }

  #nodeOf(entry: number): number {
    return this.#numbering.node[this.#targetOf(entry)] as number
  }

  /** The position of what an entry stands for. */
  #targetOf(entry: number): number {
    if (entry < this.#dot) return this.#firstChild + entry
    if (entry === this.#dot) return this.#position
    if (entry < this.#dotDot) return this.#firstChild + entry - 1
    if (entry === this.#dotDot) return this.#numbering.parent[this.#position] as number
    return this.#firstChild + entry - 2
  }
}
