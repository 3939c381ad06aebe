/** What a tar entry is, whatever dialect wrote it. GNU `7` (contiguous) and old `\0` are files, sparse ones too. */
export type TarEntryType =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'hardlink'
  | 'character'
  | 'block'
  | 'fifo'

/**
 * One entry with its effective metadata: PAX local over PAX global over GNU long names over the header.
 * Sizes and offsets are bytes; offsets count in the uncompressed tar stream as it was read.
 */
export interface TarEntry {
  type: TarEntryType
  /** The name as stored, decoded as UTF-8 (`./`, leading and trailing `/` are kept). */
  name: string
  /** The name's bytes, only where they are not valid UTF-8. */
  nameBytes?: Uint8Array
  /** Target of a symlink or hard link as stored, else empty. */
  linkname: string
  /** The link target's bytes, only where they are not valid UTF-8. */
  linknameBytes?: Uint8Array
  /** Permission bits with setuid, setgid and sticky: octal 07777. */
  mode: number
  uid: number
  gid: number
  uname: string
  gname: string
  /** Whole seconds since 1970, floored; may be negative. */
  mtime: number
  /** 0 to 999,999,999, added to `mtime`. */
  mtimeNanoseconds: number
  /** Bytes of content that `data` events will deliver; 0 for all but files. */
  size: number
  devMajor: number
  devMinor: number
  /** Extended attributes in stored order, raw values: `SCHILY.xattr.` and `LIBARCHIVE.xattr.` records. Absent where there are none. */
  xattrs?: ReadonlyMap<string, Uint8Array>
  /** The typeflag byte of the entry's own header. */
  typeflag: number
  /** Holes are delivered as zeros; the stored bytes are fewer than `size`. */
  sparse: boolean
  /** A global PAX header changed something of this entry, so its own header blocks do not say all. */
  fromGlobal: boolean
  /** Where the first header block of the entry (extension headers included) begins. */
  offset: number
}

/**
 * What a TarReader yields. `entry` comes first, with the raw header blocks of the entry (extension headers of its own
 * and sparse headers of the old GNU format included; global headers not, nor the map that PAX sparse format 1.0 keeps
 * in the content), then `data` until `entry.size` bytes came, then the next `entry`; `end` once.
 * `header` and `bytes` are views that stay valid until the next call of the reader.
 */
export type TarEvent =
  | { type: 'entry'; entry: TarEntry; header: Uint8Array }
  | { type: 'data'; bytes: Uint8Array }
  | { type: 'end' }
