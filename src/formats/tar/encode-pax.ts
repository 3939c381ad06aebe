import { LIBARCHIVE_XATTR, SCHILY_XATTR } from './pax-xattr.ts'

/** Records of a PAX header being made: key to value. */
export type PaxRecords = Map<string, Uint8Array>

/** The records' bytes, in the order of their keys. Source: POSIX.1-2001 pax, "Extended Header". */
export function encodePax(records: PaxRecords): Uint8Array {
  const lines = [...records]
    .map(([key, value]) => [Buffer.from(key), value] as const)
    .sort(([a], [b]) => a.compare(b))
    .map(([key, value]) => record(key, value))
  return Buffer.concat(lines)
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function record(key: Uint8Array, value: Uint8Array): Uint8Array {
  const rest = key.length + value.length + 3
  let length = rest + `${rest}`.length
  // One digit more may be what the digit itself adds.
  length = rest + `${length}`.length
  return Buffer.concat([Buffer.from(`${length} `), key, Buffer.from('='), value, Buffer.from('\n')])
}

/** Seconds and nanoseconds since 1970, as short as it can be said. */
export function encodePaxTime(seconds: number, nanoseconds: number): string {
  // Before 1970 the fraction counts away from it: -2 and a half more is -1.5.
  const negative = seconds < 0
  const whole = negative && nanoseconds > 0 ? seconds + 1 : seconds
  const rest = negative && nanoseconds > 0 ? 1_000_000_000 - nanoseconds : nanoseconds
  const sign = negative ? '-' : ''
  const fraction = rest === 0 ? '' : `.${`${rest}`.padStart(9, '0').replace(/0+$/, '')}`
  return `${sign}${Math.abs(whole)}${fraction}`
}

/** Adds extended attributes: by star's prefix, which all know; by libarchive's where the name has a `=`. */
export function addXattrs(records: PaxRecords, xattrs: ReadonlyMap<string, Uint8Array>): void {
  for (const [name, value] of xattrs) {
    if (!name.includes('=')) {
      records.set(SCHILY_XATTR + name, value)
    } else {
      const base64 = Buffer.from(value).toString('base64').replace(/=+$/, '')
      records.set(LIBARCHIVE_XATTR + encodeURIComponent(name), Buffer.from(base64))
    }
  }
}
