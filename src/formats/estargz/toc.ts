/**
 * The table of contents. Source: stargz-snapshotter estargz/types.go (`JTOC`, `TOCEntry`); members that are zero are left out.
 */
export interface Toc {
  version: number
  entries: TocEntry[]
}

/** One row: an entry of the tar, or, directly behind its file, a further chunk of it. Keys are those of the JSON. */
export interface TocEntry {
  /** As in the tar; readers clean it. */
  name: string
  type: 'dir' | 'reg' | 'symlink' | 'hardlink' | 'char' | 'block' | 'fifo' | 'chunk'
  /** Bytes of the file. */
  size?: number
  /** RFC 3339, in UTC. */
  modtime?: string
  linkName?: string
  /** Permission bits with setuid, setgid and sticky. */
  mode?: number
  uid?: number
  gid?: number
  userName?: string
  groupName?: string
  /** Where in the blob the gzip member begins that holds the payload. */
  offset?: number
  /** Uncompressed bytes of that member before the payload. */
  innerOffset?: number
  devMajor?: number
  devMinor?: number
  /** Base64 of the raw values. */
  xattrs?: Record<string, string>
  /** Of the whole file. */
  digest?: string
  /** Where in the file the chunk begins. */
  chunkOffset?: number
  /** Absent: to the end of the file. */
  chunkSize?: number
  chunkDigest?: string
}

export const TOC_VERSION = 1
