/** How figures are written: short, in the reader's own language where the browser knows it. */

export { formatGrowth as formatChange } from '../../quantity/growth.ts'
export { formatSpan } from '../../quantity/span.ts'

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB']

/** A size with three digits: `999 bytes`, `12.3 MB`; decimal units, as registries and disks have them. */
export function formatBytes(bytes: number): string {
  let value = Math.max(0, bytes)
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}

/** `12.3 MB/s` */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`
}

/** A digest short enough for a line: `sha256:1a2b3c4d5e6f`. */
export function shortDigest(digest: string): string {
  const [algorithm = '', hex = ''] = digest.split(':')
  return `${algorithm}:${hex.slice(0, 12)}`
}

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })
const dayAndClock = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

/** A moment: its time of day within a day of `now`, with its date otherwise. Milliseconds since 1970. */
export function formatMoment(time: number, now: number): string {
  const near = Math.abs(now - time) < 20 * 60 * 60 * 1000
  return (near ? clock : dayAndClock).format(time)
}
