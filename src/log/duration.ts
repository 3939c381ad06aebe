const NANOSECONDS = { µs: 1_000, ms: 1_000_000, s: 1_000_000_000 }

/**
 * A time span as Go prints it, which upstream's log lines hold: `552.695µs`, `28.039ms`, `1.5s`, `1h2m3s`; zero is `0s`.
 * `milliseconds` may have a fraction; nanoseconds are the smallest that show. Source: Go time.Duration.String.
 */
export function formatDuration(milliseconds: number): string {
  const total = Math.round(Math.abs(milliseconds) * NANOSECONDS.ms)
  const sign = milliseconds < 0 && total > 0 ? '-' : ''
  if (total === 0) return '0s'
  if (total < NANOSECONDS.µs) return `${sign}${total}ns`
  if (total < NANOSECONDS.ms) return `${sign}${decimal(total, 3)}µs`
  if (total < NANOSECONDS.s) return `${sign}${decimal(total, 6)}ms`
  const minutes = Math.floor(total / (60 * NANOSECONDS.s))
  const seconds = `${decimal(total - minutes * 60 * NANOSECONDS.s, 9)}s`
  if (minutes === 0) return `${sign}${seconds}`
  if (minutes < 60) return `${sign}${minutes}m${seconds}`
  return `${sign}${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`
}

/** `value` with its last `digits` digits behind the point, without zeros at the end. */
function decimal(value: number, digits: number): string {
  const unit = 10 ** digits
  const fraction = String(value % unit).padStart(digits, '0')
  return `${Math.floor(value / unit)}.${fraction}`.replace(/\.?0+$/, '')
}
