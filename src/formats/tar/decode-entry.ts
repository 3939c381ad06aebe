import type { TarEntry, TarEntryType } from './entry.ts'
import type { Fail, TarFault } from './fault.ts'
import type { Text } from './field.ts'
import {
  dialectOf,
  headerCount,
  headerName,
  headerText,
  headerTime,
  MODE,
  UID,
  GID,
  SIZE,
  DEVMAJOR,
  DEVMINOR,
  UNAME,
  GNAME,
  LINKNAME,
} from './header.ts'
import type { Dialect } from './header.ts'
import { UstarHeader } from './layout.ts'
import type { PaxSparse } from './pax-sparse.ts'
import type { PaxFields } from './pax.ts'

/** What extension headers said about an entry. */
export interface EntryContext {
  /** PAX records that count for the entry, local over global. */
  fields: PaxFields | undefined
  fromGlobal: boolean
  /** GNU `L` and `K`. */
  longName: Text | undefined
  longLink: Text | undefined
  /** Where the entry's first block begins. */
  offset: number
}

export interface DecodedEntry {
  entry: TarEntry
  /** Bytes in the tar behind the header; the map of PAX sparse format 1.0 is among them. */
  stored: number
  sparse: 'none' | 'gnu' | 'pax-0' | 'pax-1'
  /** The map of `pax-0`. */
  extents: number[] | undefined
}

const TYPEFLAG = UstarHeader.offsetOf('typeflag')
const SPARSE = 0x53

const TYPES: Readonly<Record<number, TarEntryType>> = {
  0x00: 'file',
  0x30: 'file',
  0x31: 'hardlink',
  0x32: 'symlink',
  0x33: 'character',
  0x34: 'block',
  0x35: 'directory',
  0x36: 'fifo',
  0x37: 'file',
  [SPARSE]: 'file',
}

/** Typeflags that are known and stand for nothing that an image layer may have. */
const FOREIGN: Readonly<Record<string, string>> = {
  A: 'Solaris access control list',
  D: 'GNU directory listing of an incremental backup',
  E: 'Solaris extended attribute file',
  I: 'star inode metadata',
  M: 'GNU continuation from another volume',
  N: 'old GNU long names',
  V: 'GNU volume label',
  X: 'Solaris extended header',
}

/**
 * Decodes the entry whose own header block is at `start` of `bytes`. All strings and values are copies.
 * Only files have content, whatever size other headers state, as in Go's archive/tar.
 * Throws FORMAT_INVALID, for an unknown typeflag as well.
 */
export function decodeEntry(
  bytes: Buffer,
  start: number,
  context: EntryContext,
  fail: Fail,
): DecodedEntry {
  const { fields } = context
  const typeflag = bytes[start + TYPEFLAG]!
  const dialect = dialectOf(bytes, start)
  const name = fields?.path ?? context.longName ?? headerName(bytes, start, dialect)
  let type = TYPES[typeflag]
  if (type === undefined) return fail(TYPEFLAG, typeflagProblem(typeflag, name.text))
  // Before POSIX.1-1988 a directory had no typeflag, only the slash.
  if (typeflag === 0 && name.text.endsWith('/')) type = 'directory'
  const stored = type === 'file' ? (fields?.size ?? headerCount(bytes, start, SIZE, fail)) : 0
  // Other dialects have these fields, and devices alone use the numbers: elsewhere writers leave anything there.
  const named = dialect !== 'v7'
  const device = named && (type === 'character' || type === 'block')
  const time = fields?.mtime
  const entry: TarEntry = {
    type,
    name: name.text,
    linkname: '',
    mode: headerCount(bytes, start, MODE, fail) & 0o7777,
    uid: fields?.uid ?? headerCount(bytes, start, UID, fail),
    gid: fields?.gid ?? headerCount(bytes, start, GID, fail),
    uname: fields?.uname?.text ?? (named ? headerText(bytes, start, UNAME).text : ''),
    gname: fields?.gname?.text ?? (named ? headerText(bytes, start, GNAME).text : ''),
    mtime: time?.seconds ?? headerTime(bytes, start, fail),
    mtimeNanoseconds: time?.nanoseconds ?? 0,
    size: stored,
    devMajor: device ? headerCount(bytes, start, DEVMAJOR, fail) : 0,
    devMinor: device ? headerCount(bytes, start, DEVMINOR, fail) : 0,
    typeflag,
    sparse: false,
    fromGlobal: context.fromGlobal,
    offset: context.offset,
  }
  if (name.bytes !== undefined) entry.nameBytes = name.bytes
  if (type === 'symlink' || type === 'hardlink') {
    const link = fields?.linkpath ?? context.longLink ?? headerText(bytes, start, LINKNAME)
    entry.linkname = link.text
    if (link.bytes !== undefined) entry.linknameBytes = link.bytes
  }
  if (fields?.xattrs !== undefined) entry.xattrs = fields.xattrs
  const sparse = type === 'file' ? sparseFormat(typeflag, dialect, fields?.sparse, fail) : 'none'
  if (sparse !== 'none') entry.sparse = true
  if (sparse === 'pax-0' || sparse === 'pax-1') describeSparse(entry, fields!.sparse!, fail)
  return { entry, stored, sparse, extents: sparse === 'pax-0' ? fields!.sparse!.map : undefined }
}

function typeflagProblem(typeflag: number, name: string): string {
  const char = String.fromCharCode(typeflag)
  const shown = typeflag > 0x20 && typeflag < 0x7f ? `'${char}'` : `0x${typeflag.toString(16)}`
  const known = FOREIGN[char] === undefined ? '' : ` (${FOREIGN[char]})`
  return `${JSON.stringify(name)} has typeflag ${shown}${known}, which image layers cannot hold`
}

function sparseFormat(
  typeflag: number,
  dialect: Dialect,
  sparse: PaxSparse | undefined,
  fail: Fail,
): DecodedEntry['sparse'] {
  if (typeflag === SPARSE) {
    return dialect === 'gnu' ? 'gnu' : fail(TYPEFLAG, "its typeflag is 'S', its magic is not GNU's")
  }
  if (sparse === undefined) return 'none'
  const { major, minor } = sparse
  if (major === '1' && minor === '0') return 'pax-1'
  if (major === '0' && (minor === '0' || minor === '1')) return 'pax-0'
  if (major !== undefined || minor !== undefined) {
    fail(0, `its sparse format is ${major ?? '?'}.${minor ?? '?'}, not 0.0, 0.1 or 1.0`)
  }
  // The first format had no version. Without a size and a map the other records mean nothing.
  return sparse.map !== undefined || sparse.size !== undefined ? 'pax-0' : 'none'
}

function describeSparse(entry: TarEntry, sparse: PaxSparse, fail: Fail): void {
  entry.size = sparse.size ?? fail(0, 'it is sparse and no record says its size')
  if (sparse.name === undefined) return
  // What stands in its place, for readers that know no sparse files, is like GNUSparseFile.123/name.
  entry.name = sparse.name.text
  if (sparse.name.bytes === undefined) delete entry.nameBytes
  else entry.nameBytes = sparse.name.bytes
}

/** Holds an entry to the limits of names and extended attributes. Throws FORMAT_LIMIT_EXCEEDED. */
export function checkEntryLimits(entry: TarEntry, fault: TarFault): void {
  fault.check('name', lengthOf(entry.name, entry.nameBytes), 'a name, bytes')
  fault.check('name', lengthOf(entry.linkname, entry.linknameBytes), 'a link target, bytes')
  if (entry.xattrs === undefined) return
  let size = 0
  for (const [name, value] of entry.xattrs) size += name.length + value.length
  fault.check('xattrs', size, `extended attributes of ${JSON.stringify(entry.name)}, bytes`)
}

function lengthOf(text: string, bytes: Uint8Array | undefined): number {
  if (bytes !== undefined) return bytes.length
  // Counted only where it could matter: most names are short.
  return text.length < 1000 ? text.length : Buffer.byteLength(text)
}
