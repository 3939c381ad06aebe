import { hash } from 'node:crypto'
import { decodeDevice, isDevice, isDirectory, isRegular, isSymlink } from './file-mode.ts'
import type { FileTree } from './file-tree.ts'
import { nlinkOf, numberTree } from './numbering.ts'

/** All that is known of one name, in plain values: for inspection and for tests. */
export interface ListedFile {
  /** From the root, beginning with `/`; bytes that are not UTF-8 appear as `\xNN`. */
  path: string
  /** Octal, type bits included. */
  mode: string
  uid: number
  gid: number
  mtime: number
  mtimeNanoseconds: number
  size: number
  nlink: number
  /** First path, in listing order, of the same inode; only on further names. */
  linkOf?: string
  target?: string
  device?: { major: number; minor: number }
  /** Name to value in hex. */
  xattrs?: Record<string, string>
  /** `blob:index@uncompressedOffset+size` of each chunk. */
  chunks?: string[]
}

/** Every name of `tree` in the order of its numbering, each made when it is asked for; paths of directories are kept. */
export function* eachFile(tree: FileTree): Generator<ListedFile> {
  const numbering = numberTree(tree)
  const { inodes } = tree
  const pathAt = (position: number): string => {
    if (position === 0) return '/'
    const parent = directories.get(numbering.parent[position] as number) ?? ''
    return `${parent}/${shown(tree.nameOf(numbering.node[position] as number))}`
  }
  /** By position, without a slash at the end: the root is the empty text. */
  const directories = new Map([[0, '']])
  for (let position = 0; position < numbering.count; position++) {
    const inode = tree.inodeOf(numbering.node[position] as number)
    const mode = inodes.mode(inode)
    const path = pathAt(position)
    if (isDirectory(mode) && position > 0) directories.set(position, path)
    const file: ListedFile = {
      path,
      mode: mode.toString(8),
      uid: inodes.uid(inode),
      gid: inodes.gid(inode),
      mtime: inodes.mtime(inode),
      mtimeNanoseconds: inodes.mtimeNanoseconds(inode),
      size: inodes.sizeOf(inode),
      nlink: nlinkOf(tree, numbering, position),
    }
    const first = numbering.firstName[inode] as number
    if (isRegular(mode) && first !== position) file.linkOf = pathAt(first)
    if (isSymlink(mode)) file.target = shown(inodes.target(inode))
    if (isDevice(mode)) file.device = decodeDevice(inodes.device(inode))
    const xattrs = inodes.xattrs.get(inodes.xattrSet(inode))
    if (xattrs.length > 0) {
      file.xattrs = Object.fromEntries(
        xattrs.map((x) => [shown(x.name), Buffer.from(x.value).toString('hex')]),
      )
    }
    if (isRegular(mode)) {
      file.chunks = Array.from({ length: inodes.chunkCount(inode) }, (_, i) => {
        const chunk = inodes.chunks.get(inodes.chunkAt(inode, i))
        return `${chunk.blobIndex}:${chunk.index}@${chunk.uncompressedOffset}+${chunk.uncompressedSize}`
      })
    }
    yield file
  }
}

/** All of `eachFile`: readable and comparable, not small. */
export function listTree(tree: FileTree): ListedFile[] {
  return [...eachFile(tree)]
}

/** SHA-256 of the listing, hex: pins a large tree in a test. */
export function listingDigest(listing: readonly ListedFile[]): string {
  return hash('sha256', JSON.stringify(listing))
}

function shown(bytes: Uint8Array): string {
  const text = Buffer.from(bytes)
  const utf8 = text.toString('utf8')
  if (Buffer.from(utf8).equals(text)) return utf8
  return text
    .toString('latin1')
    .replace(/[^\x20-\x7e]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
