import { isUtf8 } from 'node:buffer'
import { textAt } from './header.ts'
import type { Text } from './header.ts'
import type { Fail } from './limits.ts'

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

/** Whole seconds, floored, and 0 to 999,999,999 nanoseconds more. */
export interface Time {
  seconds: number
  nanoseconds: number
}

/** The `GNU.sparse.` records of PAX sparse formats 0.0, 0.1 and 1.0. */
export interface PaxSparse {
  major?: string
  minor?: string
  name?: Text
  size?: number
  /** Offsets and lengths in turn, as `offset` and `numbytes` records (0.0) or `map` (0.1) list them. */
  map?: number[]
}

const SCHILY = 'SCHILY.xattr.'
const LIBARCHIVE = 'LIBARCHIVE.xattr.'
const GNU_SPARSE = 'GNU.sparse.'
const MAX_ID = 0xffff_ffff

export interface PaxInit {
  /** Most numbers a sparse map may hold. */
  maxSparseNumbers: number
  /** Called with the key of each record and the bytes it takes. */
  fail: Fail
  /** Throws when a sparse map is longer than the limit. */
  tooManyExtents(count: number): never
}

/**
 * Decodes the records in bytes `start` to `end` of `bytes` into `fields`; a later record of one key wins.
 * A record is `<length> <key>=<value>\n`, the length counting all of it (POSIX.1-2001 pax, "Extended Header").
 * Values are bytes: `hdrcharset` needs nothing more, as what is not UTF-8 is kept beside its text.
 * Throws FORMAT_INVALID.
 */
export function decodePax(
  bytes: Buffer,
  start: number,
  end: number,
  fields: PaxFields,
  init: PaxInit,
): void {
  let at = start
  while (at < end) {
    const fail: Fail = (_, problem) => init.fail(at - start, problem)
    let length = 0
    let i = at
    for (; i < end && bytes[i] !== 0x20; i++) {
      const digit = bytes[i]! - 0x30
      if (digit < 0 || digit > 9) fail(0, 'a PAX record does not begin with its length')
      length = length * 10 + digit
      if (length > end - at) fail(0, 'a PAX record is longer than its header')
    }
    const recordEnd = at + length
    if (i === at || i + 1 >= recordEnd || bytes[recordEnd - 1] !== 0x0a) {
      fail(0, 'a PAX record does not end where its length says')
    }
    let equals = i + 1
    while (equals < recordEnd && bytes[equals] !== 0x3d) equals++
    if (equals >= recordEnd) fail(0, 'a PAX record has no "="')
    if (equals === i + 1) fail(0, 'a PAX record has no key')
    decodeRecord(bytes, i + 1, equals, recordEnd - 1, fields, fail, init)
    at = recordEnd
  }
}

function decodeRecord(
  bytes: Buffer,
  keyStart: number,
  equals: number,
  end: number,
  fields: PaxFields,
  fail: Fail,
  init: PaxInit,
): void {
  const start = equals + 1
  const key = bytes.toString('utf8', keyStart, equals)
  const empty = start === end
  switch (key) {
    case 'path':
    case 'linkpath':
    case 'uname':
    case 'gname':
      fields[key] = empty ? null : textValue(bytes, start, end, key, fail)
      return
    case 'size':
      fields.size = empty ? null : count(bytes, start, end, key, Number.MAX_SAFE_INTEGER, fail)
      return
    case 'uid':
    case 'gid':
      fields[key] = empty ? null : count(bytes, start, end, key, MAX_ID, fail)
      return
    case 'mtime':
      fields.mtime = empty ? null : parseTime(bytes.toString('latin1', start, end), fail)
      return
  }
  if (key.startsWith(SCHILY)) {
    const name = key.slice(SCHILY.length)
    setXattr(
      fields,
      name,
      bytes,
      keyStart,
      equals,
      Uint8Array.prototype.slice.call(bytes, start, end),
      fail,
    )
  } else if (key.startsWith(LIBARCHIVE)) {
    const name = percentDecode(key.slice(LIBARCHIVE.length), fail)
    const value = bytes.toString('latin1', start, end)
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(value))
      fail(0, `the value of ${JSON.stringify(key)} is not base64`)
    setXattr(
      fields,
      name,
      bytes,
      keyStart,
      equals,
      new Uint8Array(Buffer.from(value, 'base64')),
      fail,
    )
  } else if (key.startsWith(GNU_SPARSE)) {
    decodeSparse(bytes, key.slice(GNU_SPARSE.length), start, end, fields, fail, init)
  }
}

function setXattr(
  fields: PaxFields,
  name: string,
  bytes: Buffer,
  keyStart: number,
  keyEnd: number,
  value: Uint8Array,
  fail: Fail,
): void {
  if (name === '' || name.includes('\0')) fail(0, 'an extended attribute has no valid name')
  if (name.includes('\ufffd') && !isUtf8(bytes.subarray(keyStart, keyEnd))) {
    fail(0, `the name of the extended attribute ${JSON.stringify(name)} is not UTF-8`)
  }
  fields.xattrs ??= new Map()
  fields.xattrs.set(name, value)
}

function percentDecode(name: string, fail: Fail): string {
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

function textValue(bytes: Buffer, start: number, end: number, key: string, fail: Fail): Text {
  const zero = bytes.indexOf(0, start)
  if (zero !== -1 && zero < end) fail(0, `the value of the PAX record "${key}" holds a zero byte`)
  return textAt(bytes, start, end)
}

/** A decimal number of 0 to `max`. */
function count(
  bytes: Buffer,
  start: number,
  end: number,
  key: string,
  max: number,
  fail: Fail,
): number {
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = bytes[i]! - 0x30
    value = digit >= 0 && digit <= 9 ? value * 10 + digit : Number.NaN
  }
  if (end > start && value <= max) return value
  return fail(0, `the PAX record "${key}" is not a number of 0 to ${max}`)
}

/** `[-]seconds[.fraction]`, floored to a nanosecond towards zero as Go does, then to seconds and a positive rest. */
function parseTime(text: string, fail: Fail): Time {
  const match = /^(-?)(\d{1,16})(?:\.(\d*))?$/.exec(text)
  const whole = Number(match?.[2])
  if (match === null || !Number.isSafeInteger(whole)) {
    return fail(0, `the PAX record "mtime" is ${JSON.stringify(text.slice(0, 40))}, no time`)
  }
  const nanoseconds = Number((match[3] ?? '').slice(0, 9).padEnd(9, '0'))
  if (match[1] === '') return { seconds: whole, nanoseconds }
  if (nanoseconds === 0) return { seconds: 0 - whole, nanoseconds }
  return { seconds: -whole - 1, nanoseconds: 1_000_000_000 - nanoseconds }
}

function decodeSparse(
  bytes: Buffer,
  key: string,
  start: number,
  end: number,
  fields: PaxFields,
  fail: Fail,
  init: PaxInit,
): void {
  const sparse = (fields.sparse ??= {})
  const number = () => count(bytes, start, end, GNU_SPARSE + key, Number.MAX_SAFE_INTEGER, fail)
  switch (key) {
    case 'major':
    case 'minor':
      sparse[key] = bytes.toString('latin1', start, end)
      return
    case 'name':
      sparse.name = textValue(bytes, start, end, GNU_SPARSE + key, fail)
      return
    case 'size':
    case 'realsize':
      sparse.size = number()
      return
    case 'offset':
    case 'numbytes': {
      const map = (sparse.map ??= [])
      if (map.length % 2 !== (key === 'offset' ? 0 : 1)) {
        fail(0, 'the sparse map of the PAX header does not have offset and size in turn')
      }
      if (map.length >= init.maxSparseNumbers) init.tooManyExtents(map.length / 2 + 1)
      map.push(number())
      return
    }
    case 'map': {
      const map: number[] = []
      for (let at = start; at < end;) {
        let comma = bytes.indexOf(0x2c, at)
        if (comma === -1 || comma > end) comma = end
        if (map.length >= init.maxSparseNumbers) init.tooManyExtents(map.length / 2 + 1)
        map.push(count(bytes, at, comma, GNU_SPARSE + key, Number.MAX_SAFE_INTEGER, fail))
        at = comma + 1
      }
      sparse.map = map
    }
  }
}

/** Local records over global ones, and whether a global one counts that no local one replaces. */
export function mergePax(
  global: PaxFields,
  local: PaxFields | undefined,
): { fields: PaxFields; fromGlobal: boolean } {
  const fields = Object.assign(new PaxFields(), local)
  let fromGlobal = false
  for (const key of [
    'path',
    'linkpath',
    'uname',
    'gname',
    'size',
    'uid',
    'gid',
    'mtime',
  ] as const) {
    if (global[key] == null || fields[key] !== undefined) continue
    fields[key] = global[key] as never
    fromGlobal = true
  }
  if (global.xattrs !== undefined) {
    fields.xattrs = new Map([...global.xattrs, ...(local?.xattrs ?? [])])
    fromGlobal ||= [...global.xattrs.keys()].some((name) => !local?.xattrs?.has(name))
  }
  return { fields, fromGlobal }
}
