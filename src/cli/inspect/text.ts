import { type Fact, type Facts, Rows, type Row, type Scalar } from './facts.ts'

/**
 * Facts for people, line by line: values in two columns, and below them, each under its path as heading, what has a
 * form of its own.
 */
export function* textLines(facts: Facts, path: readonly string[] = []): Generator<string> {
  const simple: [string, string][] = []
  const sections: [string, Facts | Rows][] = []
  for (const [name, fact] of Object.entries(facts)) {
    if (fact === undefined) continue
    if (isSection(fact)) sections.push(...sectionsOf(name, fact))
    else simple.push([name, cellText(fact)])
  }
  const width = Math.max(0, ...simple.map(([name]) => name.length))
  for (const [name, value] of simple) yield `${name.padEnd(width)}  ${value}`.trimEnd()
  for (const [name, section] of sections) {
    const inner = [...path, name]
    yield ''
    yield `== ${inner.join(' / ')}`
    if (section instanceof Rows) yield* tableLines(section)
    else yield* textLines(section, inner)
  }
}

function isSection(fact: Fact): fact is Facts | readonly Facts[] | Rows {
  if (!Array.isArray(fact)) return typeof fact === 'object'
  return typeof fact[0] === 'object'
}

function sectionsOf(name: string, fact: Facts | readonly Facts[] | Rows): [string, Facts | Rows][] {
  if (!Array.isArray(fact)) return [[name, fact as Facts | Rows]]
  return (fact as readonly Facts[]).map((item, i) => [`${name} ${i + 1} of ${fact.length}`, item])
}

/** A column is padded to its widest cell, or to this many characters: longer cells push the rest of their row aside. */
const MAX_WIDTH = 72

/** Rows under their columns, without columns that are always empty. The rows are gone through twice. */
function* tableLines(rows: Rows): Generator<string> {
  const columns = measure(rows)
  if (columns.length === 0) {
    yield '(none)'
    return
  }
  const line = (cell: (name: string) => string): string =>
    columns
      .map(({ name, width, numeric }) => cell(name)[numeric ? 'padStart' : 'padEnd'](width))
      .join('  ')
      .trimEnd()
  yield line(heading)
  for (const row of rows) yield line((name) => cellOf(row, name))
}

interface Column {
  name: string
  width: number
  /** All its values are numbers. */
  numeric: boolean
}

function measure(rows: Rows): Column[] {
  const columns = new Map<string, Column>()
  for (const row of rows) {
    for (const [name, value] of Object.entries(row)) {
      const column = columns.get(name) ?? { name, width: 0, numeric: true }
      columns.set(name, column)
      if (value === undefined) continue
      column.width = Math.max(column.width, heading(name).length, cellText(value).length)
      column.numeric &&= typeof value === 'number'
    }
  }
  const filled = [...columns.values()].filter(({ width }) => width > 0)
  return filled.map((column) => ({ ...column, width: Math.min(column.width, MAX_WIDTH) }))
}

/** `compressedOffset` as `COMPRESSED OFFSET`. */
function heading(name: string): string {
  return name.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toUpperCase()
}

function cellOf(row: Row, column: string): string {
  const value = row[column]
  return value === undefined ? '' : cellText(value)
}

/** A value in one line. Control characters, which names in an image may have, must not reach a terminal. */
function cellText(value: Scalar | readonly Scalar[] | Fact): string {
  const text = Array.isArray(value) ? value.join(' ') : String(value)
  return text.replaceAll(/\p{Cc}/gu, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
