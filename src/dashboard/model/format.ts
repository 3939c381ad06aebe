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

/** How long ago something was, in its largest unit: `12 s`, `3 min`, `2 h`, `4 d`. */
export function formatAge(milliseconds: number): string {
  const seconds = Math.floor(Math.max(0, milliseconds) / 1000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}

/** The beginning of a digest, as tools name things by it: `1a2b3c4d5e6f`. */
export function shortHex(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1).slice(0, 12)
}

/** A message with its digests short enough for a line. */
export function shortDigests(text: string): string {
  return text.replaceAll(/\b(sha256|sha512):([0-9a-f]{12})[0-9a-f]{20,}/g, '$1:$2…')
}

/** `1,234` in the reader's own way. */
export function formatCount(count: number): string {
  return counts.format(count)
}

const counts = new Intl.NumberFormat()
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })
const dayAndClock = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

const minutes = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' })
const days = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' })
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' })

/** A moment for the axis of a plot whose bars stand for `step` milliseconds: `14:05`, or `21 Nov` where a bar is half a day. */
export function formatTick(time: number, step: number): string {
  return (step < 12 * 60 * 60 * 1000 ? minutes : days).format(time)
}

/** A moment in full, with its zone. Milliseconds since 1970. */
export function formatWhole(time: number): string {
  return whole.format(time)
}

/** The reader's zone, in which moments are shown: `Europe/Berlin`. */
export function timeZone(): string {
  return whole.resolvedOptions().timeZone
}

/** A moment: its time of day within a day of `now`, with its date otherwise. Milliseconds since 1970. */
export function formatMoment(time: number, now: number): string {
  const near = Math.abs(now - time) < 20 * 60 * 60 * 1000
  return (near ? clock : dayAndClock).format(time)
}
