/** When something is done again and again. */
export interface Schedule {
  /** As it was written. */
  readonly text: string
  /** The first time after `now`; both are milliseconds since 1970. */
  next(now: number): number
}

const units: Readonly<Record<string, number>> = { s: 1e3, m: 60e3, h: 3600e3, d: 24 * 3600e3 }

/** The fields of a cron line, in their order. */
const fields = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of the month', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12 },
  { name: 'day of the week', min: 0, max: 7 },
] as const

/** A schedule that never comes, such as 30 February, is found out within this many days. */
const HORIZON_DAYS = 8 * 366

/** Longest interval, and shortest. */
const MAX_INTERVAL = 31 * 24 * 3600e3
const MIN_INTERVAL = 60e3

/**
 * Reads a schedule: an interval (`90s`, `15m`, `6h`, `1d`), or the five fields of a cron line, in UTC (minute, hour, day of
 * the month, month, day of the week with Sunday as 0 or 7; `*`, numbers, ranges, lists, steps). As in cron, where both
 * days are restricted one of them is enough. Returns what is wrong as a text.
 */
export function parseSchedule(text: string): Schedule | string {
  const interval = /^(\d{1,6})([smhd])$/.exec(text)
  if (interval !== null) return intervalOf(text, Number(interval[1]), interval[2] ?? '')
  const parts = text.trim().split(/\s+/)
  if (parts.length !== fields.length) {
    return `${JSON.stringify(text)} is neither an interval such as 6h nor the five fields of cron`
  }
  const sets: Set<number>[] = []
  for (const [index, field] of fields.entries()) {
    const set = parseField(parts[index] ?? '', field)
    if (typeof set === 'string') return set
    sets.push(set)
  }
  const [minutes, hours, days, months, weekdays] = sets as [
    Set<number>, Set<number>, Set<number>, Set<number>, Set<number>,
  ] // prettier-ignore
  if (weekdays.delete(7)) weekdays.add(0)
  const restricted = { days: parts[2] !== '*', weekdays: parts[4] !== '*' }
  const onDay = (date: Date): boolean => {
    if (!months.has(date.getUTCMonth() + 1)) return false
    const [day, weekday] = [days.has(date.getUTCDate()), weekdays.has(date.getUTCDay())]
    return restricted.days && restricted.weekdays ? day || weekday : day && weekday
  }
  const next = (now: number): number | undefined => nextOf(now, minutes, hours, onDay)
  if (next(0) === undefined) return `${JSON.stringify(text)} never comes`
  return { text, next: (now) => next(now) ?? Number.POSITIVE_INFINITY }
}

function intervalOf(text: string, count: number, unit: string): Schedule | string {
  const ms = count * (units[unit] ?? 0)
  if (ms < MIN_INTERVAL || ms > MAX_INTERVAL) return `${text} is not between 1m and 31d`
  return { text, next: (now) => now + ms }
}

function parseField(
  text: string,
  { name, min, max }: { name: string; min: number; max: number },
): Set<number> | string {
  const values = new Set<number>()
  for (const part of text.split(',')) {
    const [, star, from, to, step] =
      /^(?:(\*)|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part) ?? []
    const first = star === undefined ? Number(from) : min
    const single = star === undefined && to === undefined && step === undefined
    const last = single ? first : Number(to ?? max)
    const by = Number(step ?? 1)
    if (!(first >= min && first <= last && last <= max && by > 0)) {
      return `${JSON.stringify(part)} is no ${name} of cron, which goes from ${min} to ${max}`
    }
    for (let value = first; value <= last; value += by) values.add(value)
  }
  return values
}

function nextOf(
  now: number,
  minutes: ReadonlySet<number>,
  hours: ReadonlySet<number>,
  onDay: (date: Date) => boolean,
): number | undefined {
  const start = new Date(now)
  const [year, month, day] = [start.getUTCFullYear(), start.getUTCMonth(), start.getUTCDate()]
  for (let ahead = 0; ahead < HORIZON_DAYS; ahead += 1) {
    if (!onDay(new Date(Date.UTC(year, month, day + ahead)))) continue
    for (const hour of [...hours].toSorted((a, b) => a - b)) {
      for (const minute of [...minutes].toSorted((a, b) => a - b)) {
        const at = Date.UTC(year, month, day + ahead, hour, minute)
        if (at > now) return at
      }
    }
  }
  return undefined
}
