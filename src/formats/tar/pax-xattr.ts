import { isUtf8 } from 'node:buffer'
import type { Fail } from './fault.ts'
import { copyOf } from './field.ts'

/** star's prefix, written by GNU tar, Go and docker: the value is raw. */
export const SCHILY_XATTR = 'SCHILY.xattr.'
/** libarchive's prefix: the name is URL-encoded, the value base64 without padding. */
export const LIBARCHIVE_XATTR = 'LIBARCHIVE.xattr.'

/** One record that may be an extended attribute: key in `keyStart` to `keyEnd`, value in `start` to `end`. */
export interface PaxRecord {
  bytes: Buffer
  keyStart: number
  keyEnd: number
  start: number
  end: number
}

/** Adds the attribute of a record whose key begins with one of the two prefixes. Throws FORMAT_INVALID. */
export function decodeXattr(
  key: string,
  record: PaxRecord,
  xattrs: Map<string, Uint8Array>,
  fail: Fail,
): void {
  const { bytes, keyStart, keyEnd, start, end } = record
  if (key.includes('\ufffd') && !isUtf8(bytes.subarray(keyStart, keyEnd))) {
    fail(0, `the name of the extended attribute ${JSON.stringify(key)} is not UTF-8`)
  }
  if (key.startsWith(SCHILY_XATTR)) {
    set(xattrs, key.slice(SCHILY_XATTR.length), copyOf(bytes, start, end), fail)
    return
  }
  const value = bytes.toString('latin1', start, end)
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(value)) {
    fail(0, `the value of the PAX record ${JSON.stringify(key)} is not base64`)
  }
  const name = urlDecode(key.slice(LIBARCHIVE_XATTR.length), fail)
  set(xattrs, name, new Uint8Array(Buffer.from(value, 'base64')), fail)
}

function set(xattrs: Map<string, Uint8Array>, name: string, value: Uint8Array, fail: Fail): void {
  if (name === '' || name.includes('\0')) {
    fail(0, `an extended attribute has the name ${JSON.stringify(name)}`)
  }
  xattrs.set(name, value)
}

function urlDecode(name: string, fail: Fail): string {
  if (!name.includes('%')) return name
  try {
    return decodeURIComponent(name)
  } catch {
    return fail(
      0,
      `the name of the extended attribute ${JSON.stringify(name)} is not URL-encoded UTF-8`,
    )
  }
}
