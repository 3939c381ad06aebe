import type { TarEntry, TarEntryType } from './entry.ts'
import { countAt, dialectOf, FIELD, headerName, numberAt, textAt, textEnd } from './header.ts'
import type { Dialect, Text } from './header.ts'
import type { Fail } from './limits.ts'
import type { PaxFields, PaxSparse, Time } from './pax.ts'

/** What the blocks before an entry's own header said. */
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
  /** Bytes in the tar behind the header; for PAX sparse format 1.0 the map is among them. */
  stored: number
  /** Which sparse format the file has. */
  sparse: 'none' | 'gnu' | 'pax-0' | 'pax-1'
}

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
  0x53: 'file',
}

/** Typeflags that are known and hold nothing that an image layer may have. */
const FOREIGN: Readonly<Record<string, string>> = {
  A: 'Solaris access control list',
  D: 'GNU incremental dump directory',
  E: 'Solaris extended attribute file',
  I: 'star inode metadata',
  M: 'continuation of a GNU multi-volume archive',
  N: 'old GNU long names',
  V: 'GNU volume label',
  X: 'Sun extended header',
}

/**
 * Decodes the entry whose own header block is at `start` of `bytes`. Strings and values are copied.
 * Throws FORMAT_INVALID, for an unknown typeflag as well.
 */
export function decodeEntry(
  bytes: Buffer,
  start: number,
  context: EntryContext,
  fail: Fail,
): DecodedEntry {
  const { fields } = context
  const typeflag = bytes[start + FIELD.typeflag[0]]!
  const dialect = dialectOf(bytes, start)
  const name = fields?.path ?? context.longName ?? headerName(bytes, start, dialect)
  let type = TYPES[typeflag]
  if (type === undefined) return fail(FIELD.typeflag[0], typeflagProblem(typeflag, name.text))
  // Before POSIX.1-1988 directories had no typeflag, only the slash.
  if (typeflag === 0 && name.text.endsWith('/')) type = 'directory'
  const stored = type === 'file' ? (fields?.size ?? countAt(bytes, start, 'size', fail)) : 0
  const device = type === 'character' || type === 'block'
  const owners = dialect !== 'v7'
  const time = fields?.mtime ?? headerTime(bytes, start, fail)
  const entry: TarEntry = {
    type,
    name: name.text,
    linkname: '',
    mode: countAt(bytes, start, 'mode', fail) & 0o7777,
    uid: fields?.uid ?? countAt(bytes, start, 'uid', fail),
    gid: fields?.gid ?? countAt(bytes, start, 'gid', fail),
    uname: fields?.uname?.text ?? (owners ? fieldText(bytes, start, FIELD.uname).text : ''),
    gname: fields?.gname?.text ?? (owners ? fieldText(bytes, start, FIELD.gname).text : ''),
    mtime: time.seconds,
    mtimeNanoseconds: time.nanoseconds,
    size: stored,
    devMajor: device && owners ? countAt(bytes, start, 'devmajor', fail) : 0,
    devMinor: device && owners ? countAt(bytes, start, 'devminor', fail) : 0,
    typeflag,
    sparse: false,
    fromGlobal: context.fromGlobal,
    offset: context.offset,
  }
  if (name.bytes !== undefined) entry.nameBytes = name.bytes
  if (type === 'symlink' || type === 'hardlink') {
    const link = fields?.linkpath ?? context.longLink ?? fieldText(bytes, start, FIELD.linkname)
    entry.linkname = link.text
    if (link.bytes !== undefined) entry.linknameBytes = link.bytes
  }
  if (fields?.xattrs !== undefined) entry.xattrs = fields.xattrs
  const sparse = type === 'file' ? sparseFormat(typeflag, dialect, fields?.sparse, fail) : 'none'
  if (sparse !== 'none') entry.sparse = true
  if (sparse === 'pax-0' || sparse === 'pax-1') describeSparse(entry, fields!.sparse!, fail)
  return { entry, stored, sparse }
}

/** Says which vendor's typeflag it is that the entry `name` has. */
function typeflagProblem(typeflag: number, name: string): string {
  const char = String.fromCharCode(typeflag)
  const shown = typeflag > 0x20 && typeflag < 0x7f ? `'${char}'` : `0x${typeflag.toString(16)}`
  const vendor = FOREIGN[char]
  return `${JSON.stringify(name)} has typeflag ${shown}${vendor === undefined ? '' : ` (${vendor})`}, which image layers cannot hold`
}

function fieldText(bytes: Buffer, start: number, [offset, size]: readonly [number, number]): Text {
  return textAt(bytes, start + offset, textEnd(bytes, start + offset, size))
}

function headerTime(bytes: Buffer, start: number, fail: Fail): Time {
  const [offset, size] = FIELD.mtime
  const seconds = numberAt(bytes, start + offset, size)
  if (Number.isNaN(seconds)) fail(offset, 'its mtime is no number')
  return { seconds, nanoseconds: 0 }
}

function sparseFormat(
  typeflag: number,
  dialect: Dialect,
  sparse: PaxSparse | undefined,
  fail: Fail,
): DecodedEntry['sparse'] {
  if (typeflag === 0x53) {
    if (dialect !== 'gnu') fail(FIELD.typeflag[0], "its typeflag is 'S', its magic is not GNU's")
    return 'gnu'
  }
  if (sparse === undefined) return 'none'
  const { major, minor } = sparse
  if (major === '1' && minor === '0') return 'pax-1'
  if (major === '0' && (minor === '0' || minor === '1')) return 'pax-0'
  if (major !== undefined || minor !== undefined) {
    fail(0, `its sparse format is ${major ?? '?'}.${minor ?? '?'}; 0.0, 0.1 and 1.0 are known`)
  }
  // The first format had no version records. Without a size and a map the others mean nothing.
  return sparse.map !== undefined || sparse.size !== undefined ? 'pax-0' : 'none'
}

function describeSparse(entry: TarEntry, sparse: PaxSparse, fail: Fail): void {
  entry.size = sparse.size ?? fail(0, 'it is sparse and has no record of its size')
  if (sparse.name === undefined) return
  // The path that old readers are shown is one like GNUSparseFile.123/name.
  entry.name = sparse.name.text
  if (sparse.name.bytes === undefined) delete entry.nameBytes
  else entry.nameBytes = sparse.name.bytes
}
