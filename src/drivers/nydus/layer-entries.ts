import { AccelError } from '../../errors/accel-error.ts'
import { isStorable, MAX_XATTR_AREA, xattrAreaSize } from '../../formats/erofs/xattr.ts'
import {
  encodeDevice,
  isDirectory,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFREG,
} from '../../formats/nydus-tree/file-mode.ts'
import { NONE, ROOT } from '../../formats/nydus-tree/file-tree.ts'
import { splitPath } from '../../formats/nydus-tree/file-name.ts'
import type { LayerTree } from '../../formats/nydus-tree/layer-tree.ts'
import type { Xattr } from '../../formats/nydus-tree/xattr-set.ts'
import type { TarEntry, TarEntryType } from '../../formats/tar/entry.ts'
import { cleanPath } from '../../formats/tar/path.ts'
import { OVERLAY_XATTR } from '../overlay-xattr.ts'
import type { Warnings } from '../warnings.ts'
import { pathOfNames, type LayerDetail } from './layer-detail.ts'

/** Longest symlink target that can be read. Source: PATH_MAX of Linux; nydusd reads one block. */
const MAX_TARGET = 4095
const MAX_ID = 0xffff_ffff

const TYPE_BITS: Readonly<Record<Exclude<TarEntryType, 'hardlink'>, number>> = {
  file: S_IFREG,
  directory: S_IFDIR,
  symlink: S_IFLNK,
  character: S_IFCHR,
  block: S_IFBLK,
  fifo: S_IFIFO,
}

/**
 * Puts the entries of a layer's tar into its tree, in the order of the tar. Whiteouts are files like any other: they
 * act when layers are merged. What differs from nydus, which fails there:
 *
 * - `..` in a name stops at the root, as in all that unpacks layers
 * - an attribute that EROFS cannot hold is left out, with a warning
 * - hard links may be to anything but directories, and to a file of a layer below
 * - sparse files are ordinary files whose holes are zeros
 * - files that are called like what eStargz adds are kept, which nydus leaves out: other readers show them, too
 */
export class LayerEntries {
  readonly layer: LayerTree
  readonly #warnings: Warnings
  /** Hard links to what is not in the layer, by the inode that stands for it: the target. */
  readonly #links = new Map<number, string>()
  /** Most entries lie where the one before them does: its directory, with the slash, and the layer's `turns` then. */
  readonly #lastDirectory = { path: '', node: ROOT, turns: 0 }

  constructor(layer: LayerTree, warnings: Warnings) {
    this.layer = layer
    this.#warnings = warnings
  }

  /** Takes an entry; gives the inode of a file that has content, of which the caller knows the chunks. Throws DRIVER_ENTRY_REFUSED, FORMAT_…. */
  take(entry: TarEntry): number | undefined {
    if (entry.type === 'hardlink') {
      const names = namesFrom(entry.name, entry.nameBytes)
      this.#link(names, namesFrom(entry.linkname, entry.linknameBytes))
      return undefined
    }
    const inode = this.#inode(entry, TYPE_BITS[entry.type])
    this.#put(entry, inode)
    return entry.type === 'file' && entry.size > 0 ? inode : undefined
  }

  /** After the last entry: takes what only the image step can resolve out of the tree, and says what that is. */
  detail(): LayerDetail {
    const { layer } = this
    const { tree } = layer
    const links: [string, string][] = []
    if (this.#links.size > 0) {
      for (let node = 1; node < tree.nodeCount; node++) {
        const target = this.#links.get(tree.inodeOf(node))
        if (target === undefined || tree.parentOf(node) === NONE) continue
        links.push([pathOfNames(layer.namesOf(node)), target])
        tree.remove(node)
      }
    }
    const invented = [...layer.invented].map((node) => pathOfNames(layer.namesOf(node)))
    return { invented, links }
  }

  #put({ name, nameBytes }: TarEntry, inode: number): void {
    const { layer } = this
    const path = nameBytes === undefined ? cleanPath(name) : ''
    if (path === '') {
      layer.put(namesFrom(name, nameBytes), inode)
      return
    }
    const slash = path.lastIndexOf('/')
    const directory = path.slice(0, slash + 1)
    const last = this.#lastDirectory
    if (directory !== last.path || layer.turns !== last.turns) {
      last.node = layer.directoryOf(splitPath(utf8(path)))
      last.path = directory
      last.turns = layer.turns
    }
    layer.putIn(last.node, utf8(path.slice(slash + 1)), inode)
  }

  #link(names: readonly Uint8Array[], target: readonly Uint8Array[]): void {
    const { layer } = this
    const { tree } = layer
    const node = layer.find(target)
    if (node !== NONE) {
      if (isDirectory(tree.mode(node))) {
        throw this.#refused(pathOfNames(names), 'it is a hard link to a directory')
      }
      layer.put(names, tree.inodeOf(node))
      return
    }
    const inode = tree.inodes.add(PLACEHOLDER)
    this.#links.set(inode, pathOfNames(target))
    layer.put(names, inode)
  }

  #inode(entry: TarEntry, typeBits: number): number {
    const { inodes } = this.layer.tree
    const { uid, gid, mtime } = entry
    if (Math.max(uid, gid) > MAX_ID) {
      throw this.#refused(entry.name, `its owner is ${uid}:${gid}, the largest is ${MAX_ID}`)
    }
    const inode = inodes.add({
      mode: typeBits | entry.mode,
      uid,
      gid,
      mtime,
      mtimeNanoseconds: 0,
      xattrSet: this.#xattrs(entry),
    })
    if (entry.type === 'symlink') {
      const target = entry.linknameBytes ?? utf8(entry.linkname)
      if (target.length === 0 || target.length > MAX_TARGET) {
        const problem = `the target of a symlink has 1 to ${MAX_TARGET} bytes, this one ${target.length}`
        throw this.#refused(entry.name, problem)
      }
      inodes.setTarget(inode, target)
    } else if (entry.type === 'character' || entry.type === 'block') {
      inodes.setDevice(inode, encodeDevice(entry.devMajor, entry.devMinor))
    }
    return inode
  }

  #xattrs({ name, xattrs }: TarEntry): number {
    if (xattrs === undefined) return 0
    const kept: Xattr[] = []
    for (const [key, value] of xattrs) {
      const xattr = { name: Buffer.from(key), value }
      if (OVERLAY_XATTR.test(key)) {
        this.#warnings.add(
          `${JSON.stringify(name)}: the attribute ${JSON.stringify(key)} of the overlay file system is left out`,
        )
      } else if (isStorable(xattr)) {
        kept.push(xattr)
      } else {
        this.#warnings.add(
          `${JSON.stringify(name)}: the attribute ${JSON.stringify(key)} of ${value.length} bytes is left out: Nydus has no place for it`,
        )
      }
    }
    if (xattrAreaSize(kept) > MAX_XATTR_AREA) {
      throw this.#refused(name, `its attributes have more than ${MAX_XATTR_AREA} bytes`)
    }
    return this.layer.tree.inodes.xattrs.add(kept, this.layer.tree.what)
  }

  #refused(path: string, problem: string): AccelError {
    return new AccelError('DRIVER_ENTRY_REFUSED', { what: this.layer.tree.what, path, problem })
  }
}

/** What stands for a hard link to what is not in the layer. */
const PLACEHOLDER = {
  mode: S_IFREG,
  uid: 0,
  gid: 0,
  mtime: 0,
  mtimeNanoseconds: 0,
  xattrSet: 0,
}

/** Where most names are written before the tree copies them. */
const SCRATCH = Buffer.allocUnsafeSlow(1024)

/**
 * The bytes of a text, until the next call. They are no Buffer, like the names that come out of trees: code that takes
 * both is compiled for one kind.
 */
function utf8(text: string): Uint8Array {
  // A UTF-16 unit becomes three bytes at the most.
  if (text.length * 3 > SCRATCH.length) return new Uint8Array(Buffer.from(text))
  return new Uint8Array(SCRATCH.buffer, 0, SCRATCH.write(text))
}

/** The names of a stored path. */
function namesFrom(name: string, bytes: Uint8Array | undefined): Uint8Array[] {
  if (bytes === undefined) return splitPath(Buffer.from(cleanPath(name)))
  const path = cleanPath(Buffer.from(bytes).toString('latin1'))
  return splitPath(Buffer.from(path, 'latin1'))
}
