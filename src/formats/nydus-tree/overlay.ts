import { strict as assert } from 'node:assert'
import { isDirectory, isRegular, isDevice, isSymlink } from './file-mode.ts'
import { type FileTree, NONE, ROOT } from './file-tree.ts'

const WHITEOUT_PREFIX = Buffer.from('.wh.')
const OPAQUE = Buffer.from('.wh..wh..opq')

/** How a name of a layer acts on the layers below. Source: OCI image-spec layer.md, "Whiteouts". */
export type Whiteout = { kind: 'opaque' } | { kind: 'removal'; name: Uint8Array }

/** What `name` hides in the layers below, or undefined for an ordinary name. */
export function whiteoutOf(name: Uint8Array): Whiteout | undefined {
  for (let i = 0; i < WHITEOUT_PREFIX.length; i++)
    if (name[i] !== WHITEOUT_PREFIX[i]) return undefined
  if (OPAQUE.equals(name)) return { kind: 'opaque' }
  return { kind: 'removal', name: name.subarray(WHITEOUT_PREFIX.length) }
}

/** How `overlay` treats what the formats leave open. */
export interface OverlayInit {
  /** Blob index of the lower tree's table for each blob of the upper tree's. */
  blobIndexes: ArrayLike<number>
  /**
   * Directories of `upper` (nodes) that no entry of its tar described: where the lower tree has the directory, that stays;
   * anything else, a symlink to a directory too, gives way, as where the layer is unpacked by itself and put over the others
   * by an overlay. Without it the upper's always win, as in nydus.
   */
  invented?: ReadonlySet<number>
}

/**
 * Puts the layer `upper` over `lower` and applies its whiteouts; `upper` is left as it is. Whiteouts act on what
 * came from below only, wherever they stand in the layer; they never show in the result.
 * Source: OCI image-spec layer.md; nydus builder/src/core/tree.rs (merge_children).
 */
export function overlay(lower: FileTree, upper: FileTree, init: OverlayInit): void {
  assert.equal(lower.inodes.chunkSize, upper.inodes.chunkSize, 'layers of one chunk size')
  const copy = inodeCopier(lower, upper, init.blobIndexes)
  const invented = init.invented ?? new Set<number>()
  if (!invented.has(ROOT)) lower.setInode(ROOT, copy(upper.inodeOf(ROOT)))

  const waiting: [lowerNode: number, upperNode: number][] = [[ROOT, ROOT]]
  for (let pair = waiting.pop(); pair !== undefined; pair = waiting.pop()) {
    const [into, from] = pair
    const additions: number[] = []
    let opaque = false
    const removed: Uint8Array[] = []
    for (const child of upper.children(from)) {
      const whiteout = whiteoutOf(upper.nameOf(child))
      if (whiteout === undefined) additions.push(child)
      else if (whiteout.kind === 'opaque') opaque = true
      else removed.push(whiteout.name)
    }
    if (opaque) lower.clear(into)
    for (const name of removed) {
      const hidden = lower.lookup(into, name)
      if (hidden !== NONE) lower.remove(hidden)
    }
    for (const child of additions) {
      const node = place(lower, into, upper, child, copy, invented.has(child))
      if (isDirectory(upper.mode(child))) waiting.push([node, child])
    }
  }
}

/** Removes the whiteouts of a lowest layer, which have nothing to hide, and returns how many there were. */
export function dropWhiteouts(tree: FileTree): number {
  const whiteouts: number[] = []
  const waiting = [ROOT]
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    for (const child of tree.children(node)) {
      if (whiteoutOf(tree.nameOf(child)) !== undefined) whiteouts.push(child)
      else if (isDirectory(tree.mode(child))) waiting.push(child)
    }
  }
  for (const node of whiteouts) tree.remove(node)
  return whiteouts.length
}

function place(
  lower: FileTree,
  into: number,
  upper: FileTree,
  child: number,
  copy: (inode: number) => number,
  invented: boolean,
): number {
  const name = upper.nameOf(child)
  const existing = lower.lookup(into, name)
  if (existing === NONE) return lower.add(into, name, copy(upper.inodeOf(child)))
  if (invented && isDirectory(lower.mode(existing))) return existing
  if (!isDirectory(upper.mode(child))) lower.clear(existing)
  lower.setInode(existing, copy(upper.inodeOf(child)))
  return existing
}

/** Copies inodes of `upper` into `lower`, each once, so that hard links of the layer stay hard links. */
function inodeCopier(
  lower: FileTree,
  upper: FileTree,
  blobIndexes: ArrayLike<number>,
): (inode: number) => number {
  const inodes = new Uint32Array(upper.inodes.length)
  const chunks = new Uint32Array(upper.inodes.chunks.length)
  const sets = new Map<number, number>([[0, 0]])
  const copySet = (id: number): number => {
    const known = sets.get(id)
    if (known !== undefined) return known
    const set = lower.inodes.xattrs.add(upper.inodes.xattrs.get(id), lower.what)
    sets.set(id, set)
    return set
  }
  const copyChunk = (id: number): number => {
    if (chunks[id] === 0) {
      const from = upper.inodes.chunks
      const blobIndex = blobIndexes[from.blobIndexOf(id)]
      assert.ok(blobIndex !== undefined, `blob ${from.blobIndexOf(id)} of the layer has no place`)
      chunks[id] = lower.inodes.chunks.addFrom(from, id, blobIndex) + 1
    }
    return (chunks[id] as number) - 1
  }
  return (inode) => {
    if (inodes[inode] !== 0) return (inodes[inode] as number) - 1
    const from = upper.inodes
    const to = lower.inodes
    const mode = from.mode(inode)
    const made = to.add({
      mode,
      uid: from.uid(inode),
      gid: from.gid(inode),
      mtime: from.mtime(inode),
      mtimeNanoseconds: from.mtimeNanoseconds(inode),
      xattrSet: copySet(from.xattrSet(inode)),
    })
    if (isRegular(mode)) {
      const ids = new Uint32Array(from.chunkCount(inode))
      for (let i = 0; i < ids.length; i++) ids[i] = copyChunk(from.chunkAt(inode, i))
      to.setContent(made, from.sizeOf(inode), ids)
    } else if (isSymlink(mode)) to.setTarget(made, from.target(inode))
    else if (isDevice(mode)) to.setDevice(made, from.device(inode))
    inodes[inode] = made + 1
    return made
  }
}
