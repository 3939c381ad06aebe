/** The type bits of `st_mode` and their values. Source: POSIX sys/stat.h, inode(7). */
export const S_IFMT = 0o170000
export const S_IFSOCK = 0o140000
export const S_IFLNK = 0o120000
export const S_IFREG = 0o100000
export const S_IFBLK = 0o060000
export const S_IFDIR = 0o040000
export const S_IFCHR = 0o020000
export const S_IFIFO = 0o010000

export function isDirectory(mode: number): boolean {
  return (mode & S_IFMT) === S_IFDIR
}

export function isRegular(mode: number): boolean {
  return (mode & S_IFMT) === S_IFREG
}

export function isSymlink(mode: number): boolean {
  return (mode & S_IFMT) === S_IFLNK
}

/** Character or block device: what has a device number. */
export function isDevice(mode: number): boolean {
  return (mode & S_IFMT) === S_IFCHR || (mode & S_IFMT) === S_IFBLK
}

/** Tells whether the type bits are one of the seven types that a file system knows. */
export function isKnownType(mode: number): boolean {
  const type = mode & S_IFMT
  return (
    type === S_IFREG ||
    type === S_IFDIR ||
    type === S_IFLNK ||
    type === S_IFCHR ||
    type === S_IFBLK ||
    type === S_IFIFO ||
    type === S_IFSOCK
  )
}

/**
 * A device number as the kernel's `new_encode_dev` makes it, which EROFS and RAFS store: 8 low bits of the minor,
 * 12 bits of the major, then the rest of the minor.
 */
export function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0
}

/** The reverse of `encodeDevice`. */
export function decodeDevice(rdev: number): { major: number; minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) }
}
