import {
  encodeDevice,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFREG,
  S_IFSOCK,
} from '../formats/nydus-tree/file-mode.ts'
import { FileTree, NONE, ROOT } from '../formats/nydus-tree/file-tree.ts'
import type { Xattr } from '../formats/nydus-tree/xattr-set.ts'

/** Numbers of 0 to `below - 1`, the same for the same seed: mulberry32. */
export function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b_79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below) >>> 0
  }
}

/** What a random tree has. */
export interface RandomTreeInit {
  seed: number
  /** Names besides the root. */
  names: number
  /** Blobs that files are spread over; 0 makes every file empty. @default 1 */
  blobs?: number
  /** @default 4096 */
  chunkSize?: number
  /** Bytes of the largest file. @default 20000 */
  maxFileSize?: number
  /** Offsets of chunks in their uncompressed blob are multiples of this. @default 4096 */
  alignment?: number
  /** Whether there are access control lists, which are random bytes that a kernel refuses. @default true */
  acl?: boolean
}

/** A random tree, and for each of its blobs what a blob table would say of it. */
export interface RandomTree {
  tree: FileTree
  blobs: { chunkCount: number; uncompressedSize: number; compressedSize: number }[]
}

/**
 * A tree of every file type with what usually goes wrong: names around `.`, bytes that are not UTF-8, a directory of
 * several blocks, long and short symlinks, attributes of all kinds up to thousands of bytes, hard links across
 * directories, empty files, extreme owners, times before 1970 and after 2038, shared chunks. Digests are random.
 */
export function randomTree(init: RandomTreeInit): RandomTree {
  const random = seeded(init.seed)
  const tree = new FileTree({ what: `random tree ${init.seed}`, chunkSize: init.chunkSize ?? 4096 })
  const { inodes } = tree
  const blobs = Array.from({ length: init.blobs ?? 1 }, () => ({
    chunkCount: 0,
    uncompressedSize: 0,
    compressedSize: 0,
  }))
  const directories = [ROOT]
  const files: number[] = []

  const bytesOf = (length: number): Uint8Array => Uint8Array.from({ length }, () => random(256))
  const pick = <T>(values: readonly T[]): T => values[random(values.length)] as T
  const newName = (): Uint8Array => {
    const kind = random(10)
    if (kind === 0)
      return Buffer.from(
        pick(['!', '+', '-', '..a', '.a', '...', '~', '\x01', '.wh.x']) + random(50),
      )
    if (kind === 1)
      return bytesOf(1 + random(20)).map((byte) => (byte === 0 || byte === 0x2f ? 0xff : byte))
    if (kind === 2) return Buffer.from(String(random(1000)).repeat(1 + random(40)))
    return Buffer.from(`file-${random(100_000)}.${pick(['so', 'pyc', 'txt', 'h'])}`)
  }
  const xattrs = (type: number): Xattr[] => {
    if (random(5) !== 0) return []
    const names = ['security.x', 'trusted.t']
    // Linux knows attributes of users on files and directories alone.
    if (type === S_IFREG || type === S_IFDIR) names.push('user.a', 'user.mime')
    if (init.acl !== false) names.push('system.posix_acl_access')
    return names
      .filter(() => random(3) === 0)
      .map((name) => ({
        name: Buffer.from(name),
        value: bytesOf(random(20) === 0 ? 3000 + random(2000) : random(40)),
      }))
  }
  const newChunk = (size: number): number => {
    const blobIndex = random(blobs.length)
    const blob = blobs[blobIndex] as (typeof blobs)[number]
    const compressedSize = 1 + random(size)
    const id = inodes.chunks.add({
      digest: bytesOf(32),
      blobIndex,
      index: blob.chunkCount++,
      flags: compressedSize === size ? 0 : 1,
      compressedOffset: blob.compressedSize,
      compressedSize,
      uncompressedOffset: blob.uncompressedSize,
      uncompressedSize: size,
      crc32: 0,
    })
    const unit = init.alignment ?? 4096
    blob.uncompressedSize += Math.ceil(size / unit) * unit
    blob.compressedSize += compressedSize
    return id
  }
  const newInode = (type: number): number => {
    const inode = inodes.add({
      mode: type | random(0o10000),
      uid: pick([0, 0, 1000, 0xffff, 0x10000, 0xffff_fffe]),
      gid: pick([0, 0, 1000, 65534, 0xffff_fffe]),
      mtime: pick([0, 1, 1_700_000_000 + random(1000), -random(100_000), 2 ** 33]),
      mtimeNanoseconds: pick([0, 0, random(1_000_000_000)]),
      xattrSet: inodes.xattrs.add(xattrs(type), 'random'),
    })
    if (type === S_IFREG && blobs.length > 0) setContent(inode)
    if (type === S_IFLNK) {
      const long = random(10) === 0
      inodes.setTarget(inode, Buffer.from('t/'.repeat(2048).slice(0, 1 + random(long ? 4095 : 60))))
    }
    if (type === S_IFCHR || type === S_IFBLK) {
      inodes.setDevice(inode, encodeDevice(random(4096), random(0x100000)))
    }
    return inode
  }
  const setContent = (inode: number): void => {
    const size = random(5) === 0 ? 0 : random(init.maxFileSize ?? 20_000)
    const { chunkSize } = inodes
    const ids: number[] = []
    for (let at = 0; at < size; at += chunkSize) {
      const part = Math.min(chunkSize, size - at)
      const shared = random(6) === 0 ? random(Math.max(1, inodes.chunks.length)) : -1
      const fits =
        shared >= 0 &&
        shared < inodes.chunks.length &&
        inodes.chunks.uncompressedSizeOf(shared) === part
      ids.push(fits ? shared : newChunk(part))
    }
    inodes.setContent(inode, size, ids)
  }

  tree.setInode(ROOT, newInode(S_IFDIR))
  // Names of one directory go over several blocks.
  const crowded = tree.add(ROOT, Buffer.from('crowded'), newInode(S_IFDIR))
  while (tree.liveCount <= init.names) {
    const parent = random(3) === 0 ? crowded : pick(directories)
    const name = newName()
    if (tree.lookup(parent, name) !== NONE || /^\.\.?$/.test(Buffer.from(name).toString())) continue
    const kind = random(20)
    if (kind < 3) directories.push(tree.add(parent, name, newInode(S_IFDIR)))
    else if (kind < 5) tree.add(parent, name, newInode(S_IFLNK))
    else if (kind === 5)
      tree.add(parent, name, newInode(pick([S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK])))
    else if (kind === 6 && files.length > 0) tree.add(parent, name, pick(files))
    else {
      const inode = newInode(S_IFREG)
      files.push(inode)
      tree.add(parent, name, inode)
    }
  }
  return { tree, blobs }
}
