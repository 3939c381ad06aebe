import type { Fail, TarFault } from './fault.ts'
import type { Text } from './field.ts'
import { MAX_ID } from './header.ts'
import { paxCount, paxText, paxTime } from './pax-value.ts'
import type { Time } from './pax-value.ts'
import { decodeXattr, LIBARCHIVE_XATTR, SCHILY_XATTR } from './pax-xattr.ts'
import type { PaxRecord } from './pax-xattr.ts'
import { decodePaxSparse, GNU_SPARSE } from './pax-sparse.ts'
import type { PaxSparse } from './pax-sparse.ts'

/**
 * What PAX records say about an entry. `undefined`: nothing; `null`: an empty value, which takes back what a
 * global record said, so that the header's own value counts.
 */
export class PaxFields {
  path: Text | null | undefined = undefined
  linkpath: Text | null | undefined = undefined
  uname: Text | null | undefined = undefined
  gname: Text | null | undefined = undefined
  size: number | null | undefined = undefined
  uid: number | null | undefined = undefined
  gid: number | null | undefined = undefined
  mtime: Time | null | undefined = undefined
  xattrs: Map<string, Uint8Array> | undefined = undefined
  sparse: PaxSparse | undefined = undefined
}

/**
 * Decodes the records in bytes `start` to `end` of `bytes` into `fields`; a later record of one key wins.
 * A record is `<length> <key>=<value>\n`, the length counting all of it (POSIX.1-2001 pax, "Extended Header").
 * Values are bytes, so `hdrcharset` asks for nothing: what is not UTF-8 is kept beside its text.
 * `base` is where `start` lies in the tar. Throws FORMAT_INVALID, FORMAT_LIMIT_EXCEEDED.
 */
export function decodePax(
  bytes: Buffer,
  start: number,
  end: number,
  fields: PaxFields,
  base: number,
  fault: TarFault,
): void {
  const record: PaxRecord = { bytes, keyStart: 0, keyEnd: 0, start: 0, end: start }
  while (record.end < end) {
    const at = record.end
    const fail = fault.in(base + at - start)
    delimit(record, at, end, fail)
    decodeRecord(record, fields, fail, fault)
    // Over the line feed.
    record.end++
  }
}

/** Finds the parts of the record at `at`; none reaches beyond `end`. */
function delimit(record: PaxRecord, at: number, end: number, fail: Fail): void {
  const { bytes } = record
  let length = 0
  let i = at
  for (; i < end && bytes[i] !== 0x20; i++) {
    const digit = bytes[i]! - 0x30
    if (digit < 0 || digit > 9) fail(0, 'a PAX record does not begin with its length')
    length = length * 10 + digit
    if (length > end - at) fail(0, 'a PAX record is longer than its header')
  }
  const recordEnd = at + length
  record.keyStart = i + 1
  if (record.keyStart >= recordEnd || bytes[recordEnd - 1] !== 0x0a) {
    fail(0, 'a PAX record does not end where its length says')
  }
  let equals = record.keyStart
  while (equals < recordEnd && bytes[equals] !== 0x3d) equals++
  if (equals === recordEnd) fail(0, 'a PAX record has no "="')
  if (equals === record.keyStart) fail(0, 'a PAX record has no key')
  record.keyEnd = equals
  record.start = equals + 1
  record.end = recordEnd - 1
}

function decodeRecord(record: PaxRecord, fields: PaxFields, fail: Fail, fault: TarFault): void {
  const { bytes, keyStart, keyEnd, start, end } = record
  const key = bytes.toString('utf8', keyStart, keyEnd)
  const empty = start === end
  switch (key) {
    case 'path':
    case 'linkpath':
    case 'uname':
    case 'gname':
      fields[key] = empty ? null : paxText(bytes, start, end, key, fail)
      return
    case 'size':
      fields.size = empty ? null : paxCount(bytes, start, end, key, Number.MAX_SAFE_INTEGER, fail)
      return
    case 'uid':
    case 'gid':
      fields[key] = empty ? null : paxCount(bytes, start, end, key, MAX_ID, fail)
      return
    case 'mtime':
      fields.mtime = empty ? null : paxTime(bytes, start, end, fail)
      return
    case 'atime':
    case 'ctime':
      return
  }
  if (key.startsWith(SCHILY_XATTR) || key.startsWith(LIBARCHIVE_XATTR)) {
    decodeXattr(key, record, (fields.xattrs ??= new Map()), fail)
  } else if (key.startsWith(GNU_SPARSE)) {
    decodePaxSparse(key, record, (fields.sparse ??= {}), fail, fault)
  }
}

const SINGLE = ['path', 'linkpath', 'uname', 'gname', 'size', 'uid', 'gid', 'mtime'] as const

/** Local records over global ones, and whether a global one counts that no local one replaces. */
export function mergePax(
  global: PaxFields,
  local: PaxFields | undefined,
): { fields: PaxFields; fromGlobal: boolean } {
  const fields = Object.assign(new PaxFields(), local)
  let fromGlobal = false
  for (const key of SINGLE) {
    if (fields[key] !== undefined || global[key] === undefined || global[key] === null) continue
    Object.assign(fields, { [key]: global[key] })
    fromGlobal = true
  }
  if (global.xattrs !== undefined) {
    fields.xattrs = new Map([...global.xattrs, ...(local?.xattrs ?? [])])
    fromGlobal ||= [...global.xattrs.keys()].some((name) => local?.xattrs?.has(name) !== true)
  }
  return { fields, fromGlobal }
}
