import type { CharacterSet, PatternNode } from './program.ts'

/** What is wrong with a pattern, in words for who wrote it. */
export class PatternProblem extends Error {}

/** Nesting of groups that nobody writes. */
const MAX_DEPTH = 32
/** Most repeats that `{n,m}` may name. */
const MAX_REPEAT = 1_000

const point = (character: string): number => character.codePointAt(0) ?? 0
const range = (text: string): readonly [number, number] => [point(text), point(text.at(-1) ?? '')]

const classes: Readonly<Record<string, CharacterSet>> = {
  d: { ranges: [range('09')] },
  w: { ranges: [range('az'), range('AZ'), range('09'), range('__')] },
  s: { ranges: [range('\t\r'), range('  '), [0xa0, 0xa0], [0xfeff, 0xfeff]] },
}

const controls: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r' }

/** Any character but a line end, as `.` means it. */
const dot: CharacterSet = { ranges: [range('\n\n'), range('\r\r')], negated: true }

/**
 * Parses a regular expression in the syntax of ECMAScript without what cannot be matched in one pass over the text:
 * no backreferences and no looking ahead or behind; nor `\b`, which tags and names have no use for. Throws
 * PatternProblem.
 */
export function parseRegularExpression(source: string): PatternNode {
  const parser = new Parser(source)
  const node = parser.choice(0)
  if (!parser.ended) throw new PatternProblem('a ) has no ( before it')
  return node
}

class Parser {
  readonly #text: string[]
  #at = 0

  constructor(source: string) {
    this.#text = Array.from(source)
  }

  get ended(): boolean {
    return this.#at >= this.#text.length
  }

  choice(depth: number): PatternNode {
    if (depth > MAX_DEPTH) throw new PatternProblem('its groups are nested too deeply')
    const nodes = [this.#sequence(depth)]
    while (this.#take('|')) nodes.push(this.#sequence(depth))
    return nodes.length === 1 && nodes[0] !== undefined ? nodes[0] : { kind: 'choice', nodes }
  }

  #sequence(depth: number): PatternNode {
    const nodes: PatternNode[] = []
    while (!this.ended && this.#text[this.#at] !== '|' && this.#text[this.#at] !== ')') {
      nodes.push(this.#repeated(this.#atom(depth)))
    }
    return { kind: 'sequence', nodes }
  }

  #atom(depth: number): PatternNode {
    const character = this.#next()
    switch (character) {
      case '^':
        return { kind: 'start' }
      case '$':
        return { kind: 'end' }
      case '.':
        return { kind: 'set', set: dot }
      case '[':
        return { kind: 'set', set: this.#class() }
      case '(':
        return this.#group(depth)
      case '\\':
        return { kind: 'set', set: this.#escaped() }
      case '*':
      case '+':
      case '?':
        throw new PatternProblem(`a ${character} has nothing before it to repeat`)
      default:
        return { kind: 'set', set: { ranges: [range(character)] } }
    }
  }

  #group(depth: number): PatternNode {
    if (this.#take('?') && !this.#take(':')) {
      throw new PatternProblem('of the groups with (? only (?: … ) can be used')
    }
    const node = this.choice(depth + 1)
    if (!this.#take(')')) throw new PatternProblem('a ( is not closed')
    return node
  }

  #repeated(node: PatternNode): PatternNode {
    const bounds = this.#bounds()
    if (bounds === undefined) return node
    if (node.kind === 'start' || node.kind === 'end') {
      throw new PatternProblem('^ and $ cannot be repeated')
    }
    // greedy or not makes no difference to whether a text matches
    this.#take('?')
    if (this.#bounds() !== undefined) throw new PatternProblem('a repeat is itself repeated')
    return { kind: 'repeat', node, ...bounds }
  }

  #bounds(): { min: number; max: number } | undefined {
    if (this.#take('*')) return { min: 0, max: Number.POSITIVE_INFINITY }
    if (this.#take('+')) return { min: 1, max: Number.POSITIVE_INFINITY }
    if (this.#take('?')) return { min: 0, max: 1 }
    const written = /^\{(\d+)(,(\d*))?\}/.exec(this.#text.slice(this.#at, this.#at + 16).join(''))
    if (written === null) return undefined
    this.#at += written[0].length
    const min = Number(written[1])
    const most = written[3] === '' ? Number.POSITIVE_INFINITY : Number(written[3])
    const max = written[2] === undefined ? min : most
    if (min > max) throw new PatternProblem(`${written[0]} ends before it begins`)
    if (min > MAX_REPEAT || (max > MAX_REPEAT && max !== Number.POSITIVE_INFINITY)) {
      throw new PatternProblem(`${written[0]} repeats more than ${MAX_REPEAT} times`)
    }
    return { min, max }
  }

  #class(): CharacterSet {
    const negated = this.#take('^')
    const ranges: (readonly [number, number])[] = []
    while (!this.#take(']')) {
      const set = this.#classMember()
      const [first] = set.ranges
      const single = set.ranges.length === 1 && first !== undefined && first[0] === first[1]
      if (!single || !this.#rangeFollows()) {
        ranges.push(...set.ranges)
        continue
      }
      this.#next()
      const [last, ...rest] = this.#classMember().ranges
      if (last === undefined || rest.length > 0 || last[0] !== last[1] || last[0] < first[0]) {
        throw new PatternProblem('a range in [ ] ends before it begins')
      }
      ranges.push([first[0], last[0]])
    }
    return { ranges, negated }
  }

  #rangeFollows(): boolean {
    return this.#text[this.#at] === '-' && this.#text[this.#at + 1] !== ']'
  }

  #classMember(): CharacterSet {
    if (this.ended) throw new PatternProblem('a [ is not closed')
    const character = this.#next()
    if (character !== '\\') return { ranges: [range(character)] }
    const set = this.#escaped()
    if (set.negated) throw new PatternProblem('\\D, \\W and \\S cannot be used inside [ ]')
    return set
  }

  #escaped(): CharacterSet {
    if (this.ended) throw new PatternProblem('it ends with a \\')
    const character = this.#next()
    const named = classes[character.toLowerCase()]
    if (named !== undefined) {
      return character === character.toLowerCase() ? named : { ...named, negated: true }
    }
    const control = controls[character]
    if (control !== undefined) return { ranges: [range(control)] }
    if (/[A-Za-z0-9]/.test(character)) throw new PatternProblem(`\\${character} cannot be used`)
    return { ranges: [range(character)] }
  }

  #next(): string {
    const character = this.#text[this.#at] ?? ''
    this.#at += 1
    return character
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at += 1
    return true
  }
}
