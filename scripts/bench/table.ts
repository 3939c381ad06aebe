/** Plain tables and numbers for people. */

export interface Column {
  title: string
  /** @default 'right' */
  align?: 'left' | 'right'
}

/**
 * A table with aligned columns, two spaces apart, a line under the titles that are not empty; no line has trailing spaces. A cell that is missing or undefined is empty. Without any title there is no head.
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly (string | undefined)[])[],
): string {
  const widths = columns.map(({ title }, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)),
  )
  const line = (cells: readonly (string | undefined)[]): string =>
    columns
      .map(({ align }, i) => {
        const cell = cells[i] ?? ''
        return align === 'left' ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)
      })
      .join('  ')
      .trimEnd()
  const head = columns.some(({ title }) => title !== '')
    ? [
        line(columns.map(({ title }) => title)),
        line(columns.map(({ title }, i) => (title === '' ? '' : '-'.repeat(widths[i]!)))),
      ]
    : []
  return [...head, ...rows.map(line)].map((text) => `${text}\n`).join('')
}

const units = ['kB', 'MB', 'GB', 'TB']

/** Bytes with three digits and a decimal unit: `847 B`, `12.3 kB`, `126 MB`. */
export function formatSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  let value = bytes
  let unit = -1
  // 999.5 would be written as 1000
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${threeDigits(value)} ${units[unit]}`
}

/** Milliseconds as `0.4 ms`, `34 ms`, `1.24 s`, `84.0 s`. */
export function formatDuration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < 1000) return `${Math.round(ms)} ms`
  return `${threeDigits(ms / 1000)} s`
}

/** A number below 1000 with three digits: `1.24`, `12.4`, `124`. */
export function threeDigits(value: number): string {
  if (value < 9.995) return value.toFixed(2)
  return value < 99.95 ? value.toFixed(1) : value.toFixed(0)
}

/** A count with a comma each three digits. */
export function formatCount(count: number): string {
  return count.toLocaleString('en')
}
