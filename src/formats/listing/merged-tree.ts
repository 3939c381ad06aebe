import { PathTable } from '../../bytes/path-table.ts'
import { Column } from '../nydus-tree/column.ts'
import { parentPath } from '../tar/path.ts'
import type { ListedEntry, ListedName } from './listed-entry.ts'
import type { Listing } from './listing.ts'

/** What there is at a path once all layers are applied. */
export interface MergedEntry extends ListedEntry {
  /** No layer has an entry for this directory; it is there because something lies in it. */
  implied: boolean
  /** The number that names of one file have in common; of a name that has none in common, its own. */
  inode: number
  /** Hard links were made to it: other names may have its inode. */
  linked: boolean
}

const ROOT = 0
/** Where a node has no record: it is not there, or is only implied. */
const NO_LAYER = 0
const IMPLIED = 1
const FIRST_LAYER = 2
/** As Linux. */
const MAX_SYMLINKS = 40

/**
 * The file system that layers give, the lowest applied first (OCI image-spec layer.md, "Applying Changesets"): written
 * for checking, apart from what converts images. A layer is taken as runtimes take it, which unpack it by itself and put
 * it over the others by an overlay: a symlink is followed to a directory of its own layer only, and one of a layer below
 * gives way to the directory that a path names. Keeps the listings it was given, and 28 bytes a name besides the name.
 */
export class MergedTree {
  readonly #paths = new PathTable()
  readonly #layers: Listing[] = []
  /** The layer whose entry a node shows, counted from FIRST_LAYER, and where the entry is in it. */
  readonly #layer = new Column(Uint32Array)
  readonly #at = new Column(Float64Array)
  readonly #inode = new Column(Uint32Array)
  /** Every node that ever was in a directory hangs there for good: ROOT ends the list, it is nobody's child. */
  readonly #child = new Column(Uint32Array)
  readonly #sibling = new Column(Uint32Array)
  /** Inodes that a hard link was made to. */
  readonly #linked = new Set<number>()
  readonly #problems: string[] = []
  /** The directory that was asked for last: most entries lie where the one before them does. */
  #lastDirectory = { path: '', node: ROOT }

  constructor() {
    this.#node('')
    this.#layer.set(ROOT, IMPLIED)
  }

  /** What cannot be applied, in sentences that name the path: a link to nothing, an entry below a file. */
  get problems(): readonly string[] {
    return this.#problems
  }

  /** Lays a layer over what is there. */
  apply(listing: Listing): void {
    this.#layers.push(listing)
    const layer = FIRST_LAYER + this.#layers.length - 1
    for (let at = 0; at < listing.bytes.length; at = listing.next(at)) {
      // Whiteouts speak of the layers below, wherever they stand in the tar.
      const kind = listing.kind(at)
      if (kind === 'whiteout') this.#remove(listing.name(at).path)
      else if (kind === 'opaque') this.#removeChildren(listing.name(at).path)
    }
    let links: ListedName[] = []
    for (let at = 0; at < listing.bytes.length; at = listing.next(at)) {
      const entry = listing.name(at)
      if (entry.kind === 'whiteout' || entry.kind === 'opaque') continue
      if (!this.#put(entry, layer, at)) links.push(entry)
    }
    // A link may stand before its target, and that may be such a link itself.
    for (let before = links.length + 1; links.length < before;) {
      before = links.length
      links = links.filter((link) => !this.#put(link, layer, 0))
    }
    for (const { path, target } of links) {
      this.#problems.push(
        `${JSON.stringify(path)} is a hard link to ${JSON.stringify(target)}, which is not there`,
      )
    }
  }

  /** What is at a clean path, or undefined. */
  entry(path: string): MergedEntry | undefined {
    const node = this.#paths.find(path)
    return node < 0 ? undefined : this.at(node)
  }

  /** Paths that there ever were: nodes are numbered below this. */
  get nodes(): number {
    return this.#paths.size
  }

  /** The node of a clean path, or a negative number. */
  find(path: string): number {
    return this.#paths.find(path)
  }

  /** Which layer the entry at a clean path comes from, counted from 0, and its path there: that of the file for a hard link. */
  origin(path: string): { layer: number; path: string } | undefined {
    const node = this.#paths.find(path)
    const layer = node < 0 ? NO_LAYER : this.#layer.get(node)
    if (layer < FIRST_LAYER) return undefined
    const index = layer - FIRST_LAYER
    return { layer: index, path: this.#layers[index]!.name(this.#at.get(node)).path }
  }

  /** All that is there, directories before what they hold. */
  *[Symbol.iterator](): Generator<MergedEntry> {
    for (let node = 0; node < this.#paths.size; node++) {
      const entry = this.at(node)
      if (entry !== undefined) yield entry
    }
  }

  /** What is there at a node, or undefined. */
  at(node: number): MergedEntry | undefined {
    const layer = this.#layer.get(node)
    if (layer === NO_LAYER) return undefined
    const path = this.#paths.path(node)
    if (layer === IMPLIED)
      return { ...IMPLIED_DIRECTORY, path, implied: true, inode: node, linked: false }
    const entry = this.#layers[layer - FIRST_LAYER]!.entry(this.#at.get(node)) as MergedEntry
    const inode = this.#inode.get(node)
    entry.path = path
    entry.implied = false
    entry.inode = inode
    entry.linked = this.#linked.has(inode)
    return entry
  }

  /** Takes an entry; false for a link whose target is not there yet. */
  #put(entry: ListedName, layer: number, at: number): boolean {
    const path = this.#resolved(entry.path, layer)
    const node = this.#node(path)
    if (!this.#makeParents(path, layer)) {
      this.#problems.push(`${JSON.stringify(entry.path)} lies below something that is no directory`)
      return true
    }
    if (entry.kind === 'hardlink') return this.#link(node, entry, layer)
    if (entry.kind !== 'directory' || !this.#isDirectory(node)) this.#removeBelow(node)
    this.#layer.set(node, layer)
    this.#at.set(node, at)
    this.#inode.set(node, node)
    return true
  }

  /** A further name of what is at the target now; the entry's own mode, owner and time say nothing. False where nothing is. */
  #link(node: number, { target }: ListedName, layer: number): boolean {
    const to = this.#paths.find(this.#resolved(target, layer))
    if (to < 0 || this.#layer.get(to) < FIRST_LAYER || this.#isDirectory(to)) return false
    if (to === node) return true
    this.#removeBelow(node)
    this.#layer.set(node, this.#layer.get(to))
    this.#at.set(node, this.#at.get(to))
    const inode = this.#inode.get(to)
    this.#inode.set(node, inode)
    this.#linked.add(inode)
    return true
  }

  /**
   * Makes the directories above `path` that are missing, or that are something else in a layer below; tells whether all
   * above are directories.
   */
  #makeParents(path: string, layer: number): boolean {
    for (let parent = parentPath(path); parent !== undefined; parent = parentPath(parent)) {
      const node = this.#directory(parent)
      if (this.#isDirectory(node)) return true
      if (this.#layer.get(node) === layer) return false
      this.#layer.set(node, IMPLIED)
      this.#inode.set(node, node)
    }
    return true
  }

  /** The path with symlinks of `layer` in its directories followed, never out of the root. */
  #resolved(path: string, layer: number): string {
    const directory = parentPath(path)
    if (directory === undefined || directory === '') return path
    const known = this.#findDirectory(directory)
    if (known >= 0 && this.#isDirectory(known)) return path
    let rest = directory.split('/')
    const done: string[] = []
    for (let links = 0; rest.length > 0;) {
      const [name, ...others] = rest
      rest = others
      if (name === '..') done.pop()
      if (name === '' || name === '.' || name === '..') continue
      const node = this.#paths.find([...done, name].join('/'))
      const entry = node < 0 || this.#layer.get(node) !== layer ? undefined : this.at(node)
      if (entry?.kind !== 'symlink' || ++links > MAX_SYMLINKS) {
        done.push(name!)
        continue
      }
      if (entry.target.startsWith('/')) done.length = 0
      rest = [...entry.target.split('/'), ...rest]
    }
    return [...done, path.slice(directory.length + 1)].join('/')
  }

  #isDirectory(node: number): boolean {
    const layer = this.#layer.get(node)
    if (layer < FIRST_LAYER) return layer === IMPLIED
    return this.#layers[layer - FIRST_LAYER]!.kind(this.#at.get(node)) === 'directory'
  }

  #remove(path: string): void {
    const node = this.#paths.find(path)
    if (node <= ROOT) return
    this.#removeBelow(node)
    this.#layer.set(node, NO_LAYER)
  }

  #removeChildren(path: string): void {
    const node = this.#paths.find(path)
    if (node >= 0) this.#removeBelow(node)
  }

  #removeBelow(top: number): void {
    const open = [top]
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      for (let child = this.#child.get(node); child !== ROOT; child = this.#sibling.get(child)) {
        // Nothing lies in what is not there.
        if (this.#layer.get(child) === NO_LAYER) continue
        this.#layer.set(child, NO_LAYER)
        open.push(child)
      }
    }
  }

  /** As `find`, of a path that lies above another. */
  #findDirectory(path: string): number {
    const last = this.#lastDirectory
    if (last.path === path) return last.node
    const node = this.#paths.find(path)
    if (node >= 0) this.#lastDirectory = { path, node }
    return node
  }

  /** As `#node`, of a path that lies above another. */
  #directory(path: string): number {
    const known = this.#findDirectory(path)
    return known >= 0 ? known : this.#node(path)
  }

  /** The number of `path`; a new one hangs in its directory. */
  #node(path: string): number {
    const parent = parentPath(path)
    const above = parent === undefined ? ROOT : this.#directory(parent)
    const known = this.#paths.size
    const node = this.#paths.add(path)
    if (node < known) return node
    this.#layer.push(NO_LAYER)
    this.#at.push(0)
    this.#inode.push(node)
    this.#child.push(ROOT)
    this.#sibling.push(ROOT)
    if (node !== ROOT) {
      this.#sibling.set(node, this.#child.get(above))
      this.#child.set(above, node)
    }
    return node
  }
}

const IMPLIED_DIRECTORY: Omit<ListedEntry, 'path'> = {
  kind: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: 0,
  mtimeNanoseconds: 0,
  size: 0,
  devMajor: 0,
  devMinor: 0,
  target: '',
}
