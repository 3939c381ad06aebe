import type { Entry } from './text-format.ts'

/**
 * A line as one JSON object: `time`, `level` and `msg`, as logrus' JSON formatter names them, then the fields. A field of
 * one of these names is called `fields.<name>`. Source: logrus json_formatter.go.
 */
export function jsonLine({ time, level, message, fields }: Entry): string {
  const own = { time: time.toISOString(), level, msg: message }
  const others = Object.entries(fields).map(([name, value]) =>
    Object.hasOwn(own, name) ? [`fields.${name}`, value] : [name, value],
  )
  return `${JSON.stringify({ ...own, ...Object.fromEntries(others) })}\n`
}
