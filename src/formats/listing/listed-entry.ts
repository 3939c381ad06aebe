import type { TarEntryType } from '../tar/entry.ts'

/** What a path of a layer is; `whiteout` removes the path from the layers below, `opaque` all that they have in it. */
export type ListedKind = TarEntryType | 'whiteout' | 'opaque'

/**
 * What is compared of one entry of a layer or image. Paths are clean (`formats/tar/path.ts`); bytes that are not UTF-8
 * are written `\xNN`, in paths and targets alike.
 */
export interface ListedEntry {
  path: string
  kind: ListedKind
  /** Permission bits with setuid, setgid and sticky. */
  mode: number
  uid: number
  gid: number
  /** Whole seconds since 1970. */
  mtime: number
  mtimeNanoseconds: number
  /** Bytes of a file, else 0. */
  size: number
  devMajor: number
  devMinor: number
  /** Of a symlink as stored; of a hard link the clean path. */
  target: string
  xattrs?: ReadonlyMap<string, Uint8Array>
  /** 32-byte digest of a file's content, by ContentHash; absent where it has none. */
  content?: Uint8Array
}

/** What says where an entry goes. */
export type ListedName = Pick<ListedEntry, 'kind' | 'path' | 'target'>

/** Text of a name: its UTF-8, or, where it is none, each such byte as `\xNN`. */
export function nameText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()
  if (!text.includes('\uFFFD')) return text
  let escaped = ''
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at)
    if (length === 0) escaped += `\\x${bytes[at++]!.toString(16).padStart(2, '0')}`
    else {
      escaped += Buffer.from(bytes.subarray(at, at + length)).toString()
      at += length
    }
  }
  return escaped
}

/** Bytes of the UTF-8 sequence that begins at `at`, 0 where none does. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  for (const length of [1, 2, 3, 4]) {
    if (at + length > bytes.length) return 0
    const piece = Buffer.from(bytes.subarray(at, at + length))
    const text = piece.toString()
    if (Buffer.compare(Buffer.from(text), piece) === 0) return length
  }
  return 0
}
