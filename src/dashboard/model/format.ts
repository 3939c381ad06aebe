/** How figures are written: short, in the reader's own language where the browser knows it. */

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

/** A time span in its two largest units: `850 ms`, `4.2 s`, `5 s`, `3 min 12 s`, `2 h 5 min`, `3 d 4 h`. */
export function formatSpan(milliseconds: number): string {
  const ms = Math.max(0, milliseconds)
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(ms < 9_950 ? 1 : 0).replace(/\.0$/, '')} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return two(Math.floor(seconds / 60), 'min', seconds % 60, 's')
  const minutes = Math.round(seconds / 60)
  if (minutes < 24 * 60) return two(Math.floor(minutes / 60), 'h', minutes % 60, 'min')
  const hours = Math.round(minutes / 60)
  return two(Math.floor(hours / 24), 'd', hours % 24, 'h')
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`
}

/** How much larger or smaller the result is: `4.1 % smaller`, `12 % larger`, `same size`. */
export function formatChange(before: number, after: number): string {
  if (before <= 0) return ''
  const percent = (Math.abs(after - before) / before) * 100
  if (percent < 0.05) return 'same size'
  return `${percent.toFixed(percent < 9.95 ? 1 : 0)} % ${after < before ? 'smaller' : 'larger'}`
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
