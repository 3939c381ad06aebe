import { type Fact, type Facts, Rows, type Row } from './facts.ts'

/** Facts as JSON, indented by two spaces, a row on one line; in pieces, so that it is never held as a whole. */
export function* jsonPieces(facts: Facts): Generator<string> {
  yield* valuePieces(facts, '')
  yield '\n'
}

function* valuePieces(fact: Fact, indent: string): Generator<string> {
  const inner = `${indent}  `
  if (fact instanceof Rows) {
    yield* listed('[', rowTexts(fact), ']', indent)
  } else if (Array.isArray(fact)) {
    yield* listed(
      '[',
      (fact as readonly Fact[]).map((item) => valuePieces(item, inner)),
      ']',
      indent,
    )
  } else if (typeof fact === 'object') {
    const members = Object.entries(fact as Facts).flatMap(([name, value]) =>
      value === undefined ? [] : [memberPieces(name, value, inner)],
    )
    yield* listed('{', members, '}', indent)
  } else {
    yield text(fact)
  }
}

function* memberPieces(name: string, value: Fact, indent: string): Generator<string> {
  yield `${text(name)}: `
  yield* valuePieces(value, indent)
}

function* rowTexts(rows: Iterable<Row>): Generator<string[]> {
  for (const row of rows) yield [text(row)]
}

/** The items of a list or object, each on a line of its own. */
function* listed(
  open: string,
  items: Iterable<Iterable<string>>,
  close: string,
  indent: string,
): Generator<string> {
  yield open
  let count = 0
  for (const item of items) {
    yield `${count++ === 0 ? '' : ','}\n${indent}  `
    yield* item
  }
  yield count === 0 ? close : `\n${indent}${close}`
}

/** JSON allows the control characters from 0x7f on as they are; a terminal would obey them. */
function text(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[\u007f-\u009f]/g,
    (c) => `\\u00${c.charCodeAt(0).toString(16)}`,
  )
}
