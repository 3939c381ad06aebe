const units = ['B', 'kB', 'MB', 'GB', 'TB']

/** A size in decimal units with three digits, as registries and docker show it: `72.4 MB`. */
export function formatSize(bytes: number): string {
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(bytes || 1) / 3)))
  const value = bytes / 1000 ** power
  // 999.6 kB would be written 1000 kB
  if (value >= 999.5 && power < units.length - 1) return `1.00 ${units[power + 1]}`
  const digits = power === 0 ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0
  return `${value.toFixed(digits)} ${units[power]}`
}

/** A time span for people: `0:07`, `12:30`, `1:02:03`. */
export function formatClock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const minutes = Math.floor(whole / 60)
  const two = (n: number): string => String(n).padStart(2, '0')
  if (minutes < 60) return `${minutes}:${two(whole % 60)}`
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`
}

/** How much smaller or larger `after` is: `+3.0 %`, `-12 %`; empty where there is nothing to compare. */
export function formatChange(before: number, after: number): string {
  if (before === 0) return ''
  const percent = ((after - before) / before) * 100
  const digits = Math.abs(percent) < 9.95 ? 1 : 0
  return `${percent < 0 ? '-' : '+'}${Math.abs(percent).toFixed(digits)} %`
}

/** Characters of a bar between its brackets. */
const BAR = 20

/** A bar that is full to `share`, of 1: `[=====>              ]`. */
export function formatBar(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * BAR)
  const head = full > 0 && full < BAR ? '>' : ''
  return `[${'='.repeat(full - head.length)}${head}${' '.repeat(BAR - full)}]`
}
