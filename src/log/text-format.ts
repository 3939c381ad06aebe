import type { Level } from './level.ts'

/** What a line is made from. `fields` are printed in the order of their names. */
export interface Entry {
  time: Date
  level: Level
  message: string
  fields: Readonly<Record<string, string>>
}

const colors: Record<Level, number> = { debug: 37, info: 36, warning: 33, error: 31, fatal: 31 }

/** Width to which a message is padded on a terminal. Source: logrus text_formatter.go. */
const MESSAGE_WIDTH = 44

/** A line for a file or pipe: `time="…" level=info msg="…" module=api`. Source: logrus text_formatter.go, not colored. */
export function pipeLine(entry: Entry): string {
  const pairs: [string, string][] = [
    ['time', entry.time.toISOString()],
    ['level', entry.level],
    ...(entry.message === '' ? [] : [['msg', entry.message] as [string, string]]),
    ...sorted(entry.fields),
  ]
  return `${pairs.map(([key, value]) => `${key}=${quoted(value)}`).join(' ')}\n`
}

/** A line for a terminal: `INFO[2022-01-28T03:39:28.039Z] message   module=converter`. Source: logrus text_formatter.go, colored. */
export function terminalLine(entry: Entry, colored: boolean): string {
  const paint = (text: string): string =>
    colored ? `\x1b[${colors[entry.level]}m${text}\x1b[0m` : text
  const label = paint(entry.level.toUpperCase().slice(0, 4))
  const message = printable(entry.message).padEnd(MESSAGE_WIDTH)
  const fields = sorted(entry.fields).map(([key, value]) => ` ${paint(key)}=${quoted(value)}`)
  return `${label}[${entry.time.toISOString()}] ${message} ${fields.join('')}\n`
}

function sorted(fields: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(fields).toSorted(([a], [b]) => (a < b ? -1 : 1))
}

/** The value as it is, or quoted as Go does where it has more than letters, digits and `-._/@^+`. */
function quoted(value: string): string {
  return /^[A-Za-z0-9\-._/@^+]*$/.test(value) ? value : `"${escaped(value)}"`
}

const named: Record<string, string> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
}

/** Source: Go strconv.Quote. */
function escaped(value: string): string {
  return value.replace(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (c) => named[c] ?? numbered(c))
}

/** What a stranger chose must not move the cursor or change colours; line ends of a stack trace may stand. */
function printable(message: string): string {
  return message.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} \n]/gu, (c) => named[c] ?? numbered(c))
}

function numbered(character: string): string {
  const point = character.codePointAt(0) ?? 0
  const hex = point.toString(16)
  if (point < 0x80) return `\\x${hex.padStart(2, '0')}`
  return point > 0xffff ? `\\U${hex.padStart(8, '0')}` : `\\u${hex.padStart(4, '0')}`
}
