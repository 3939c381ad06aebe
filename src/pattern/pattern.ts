import { parseGlob } from './glob.ts'
import { compile } from './program.ts'
import { parseRegularExpression, PatternProblem } from './regular-expression.ts'

/** Says of texts whether they are meant. */
export interface Pattern {
  /** As it was written. */
  readonly text: string
  /** Takes time in proportion to the length of `value`; one of more than 4,096 characters matches nothing. */
  matches(value: string): boolean
}

/** Longest pattern; none that a person writes comes near. */
const MAX_LENGTH = 512

/** Longest value: names and tags are shorter, and a label of an image may be as long as its config. */
const MAX_VALUE = 4_096

/**
 * The pattern that `text` stands for: `/…/` is a regular expression that may match anywhere in a value, anything else
 * a glob that must match all of it. Returns what is wrong as a text. No pattern can make the matching slow.
 */
export function compilePattern(text: string): Pattern | string {
  if (text.length > MAX_LENGTH) return `a pattern has at most ${MAX_LENGTH} characters`
  const expression = /^\/(.*)\/$/su.exec(text)?.[1]
  try {
    const node = expression === undefined ? parseGlob(text) : parseRegularExpression(expression)
    const matches = compile(node)
    return matches === undefined
      ? 'the pattern is too large: it repeats too much'
      : { text, matches: (value) => value.length <= MAX_VALUE && matches(value) }
  } catch (error) {
    if (error instanceof PatternProblem) return `${JSON.stringify(text)}: ${error.message}`
    throw error
  }
}
