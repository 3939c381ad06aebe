import type { CharacterSet, PatternNode } from './program.ts'
import { PatternProblem } from './regular-expression.ts'

const any: CharacterSet = { ranges: [], negated: true }
const notSlash: CharacterSet = { ranges: [[0x2f, 0x2f]], negated: true }

const set = (characters: CharacterSet): PatternNode => ({ kind: 'set', set: characters })
const many = (node: PatternNode): PatternNode => ({
  kind: 'repeat',
  node,
  min: 0,
  max: Number.POSITIVE_INFINITY,
})

/**
 * Parses a glob, which stands for the whole text: `*` is any characters but `/`, `**` any characters, and in `**` + `/`
 * also nothing; `?` is one character but `/`; `{a,b}` is a or b. A `\` takes the meaning from the character behind it.
 * Throws PatternProblem.
 */
export function parseGlob(text: string): PatternNode {
  const rest = Array.from(text)
  const node = alternatives(rest, false)
  return { kind: 'sequence', nodes: [{ kind: 'start' }, node, { kind: 'end' }] }
}

/** Takes characters from `rest` until its end, or, inside braces, until the one that closes them. */
function alternatives(rest: string[], inside: boolean): PatternNode {
  const choices: PatternNode[][] = [[]]
  for (let character = rest.shift(); character !== undefined; character = rest.shift()) {
    if (inside && character === '}') return choiceOf(choices)
    if (inside && character === ',') choices.push([])
    else choices.at(-1)?.push(part(character, rest, inside))
  }
  if (inside) throw new PatternProblem('a { is not closed')
  return choiceOf(choices)
}

function part(character: string, rest: string[], inside: boolean): PatternNode {
  switch (character) {
    case '*':
      return stars(rest)
    case '?':
      return set(notSlash)
    case '{':
      if (inside) throw new PatternProblem('a { stands inside another')
      return alternatives(rest, true)
    case '\\':
      return literal(rest.shift() ?? '\\')
    default:
      return literal(character)
  }
}

function stars(rest: string[]): PatternNode {
  if (rest[0] !== '*') return many(set(notSlash))
  while (rest[0] === '*') rest.shift()
  if (rest[0] !== '/') return many(set(any))
  rest.shift()
  const below: PatternNode = { kind: 'sequence', nodes: [many(set(any)), literal('/')] }
  return { kind: 'repeat', node: below, min: 0, max: 1 }
}

function literal(character: string): PatternNode {
  const point = character.codePointAt(0) ?? 0
  return set({ ranges: [[point, point]] })
}

function choiceOf(choices: PatternNode[][]): PatternNode {
  const nodes = choices.map((parts): PatternNode => ({ kind: 'sequence', nodes: parts }))
  return nodes.length === 1 && nodes[0] !== undefined ? nodes[0] : { kind: 'choice', nodes }
}
