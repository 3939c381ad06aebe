/**
 * A matcher that takes time in proportion to program and text, whatever both are: it follows all ways through the
 * program at once (Thompson's construction), so no pattern makes it try a text again and again.
 */

/** Characters, as pairs of first and last code point. */
export interface CharacterSet {
  readonly ranges: readonly (readonly [first: number, last: number])[]
  /** The set is everything else. */
  readonly negated?: boolean
}

/** What a pattern is made of. */
export type PatternNode =
  | { kind: 'set'; set: CharacterSet }
  | { kind: 'sequence'; nodes: readonly PatternNode[] }
  | { kind: 'choice'; nodes: readonly PatternNode[] }
  | { kind: 'repeat'; node: PatternNode; min: number; max: number }
  /** The start and the end of the text. */
  | { kind: 'start' | 'end' }

type Instruction =
  | { op: 'set'; set: CharacterSet }
  | { op: 'start' | 'end' | 'match' }
  /** Goes on at each of these, relative to itself. */
  | { op: 'fork'; to: number[] }

/** Largest program: a pattern of a few words has some dozens of steps, `(a{100}){100}` would have ten thousand. */
const MAX_INSTRUCTIONS = 4_000

/** The test that `node` stands for, anywhere in a text; undefined when it would take more than `MAX_INSTRUCTIONS`. */
export function compile(node: PatternNode): ((text: string) => boolean) | undefined {
  const program: Instruction[] = []
  if (!emit(program, node)) return undefined
  program.push({ op: 'match' })
  return (text) => run(program, text)
}

/** Appends the instructions of `node`; false when there are too many. */
function emit(program: Instruction[], node: PatternNode): boolean {
  if (program.length > MAX_INSTRUCTIONS) return false
  switch (node.kind) {
    case 'set':
      program.push({ op: 'set', set: node.set })
      return true
    case 'sequence':
      return node.nodes.every((part) => emit(program, part))
    case 'choice':
      return emitChoice(program, node.nodes)
    case 'repeat':
      return emitRepeat(program, node)
    case 'start':
    case 'end':
      program.push({ op: node.kind })
      return true
  }
}

function emitChoice(program: Instruction[], nodes: readonly PatternNode[]): boolean {
  const fork: Instruction = { op: 'fork', to: [] }
  const at = program.length
  program.push(fork)
  const leaving: { from: number; to: number[] }[] = []
  for (const node of nodes) {
    fork.to.push(program.length - at)
    if (!emit(program, node)) return false
    const leave: Instruction = { op: 'fork', to: [] }
    leaving.push({ from: program.length, to: leave.to })
    program.push(leave)
  }
  for (const { from, to } of leaving) to.push(program.length - from)
  return true
}

function emitRepeat(
  program: Instruction[],
  { node, min, max }: Extract<PatternNode, { kind: 'repeat' }>,
): boolean {
  for (let i = 0; i < min; i += 1) if (!emit(program, node)) return false
  if (max === Number.POSITIVE_INFINITY) {
    const fork: Instruction = { op: 'fork', to: [1] }
    const at = program.length
    program.push(fork)
    if (!emit(program, node)) return false
    program.push({ op: 'fork', to: [at - program.length] })
    fork.to.push(program.length - at)
    return true
  }
  const forks: { from: number; to: number[] }[] = []
  for (let i = min; i < max; i += 1) {
    const fork: Instruction = { op: 'fork', to: [1] }
    forks.push({ from: program.length, to: fork.to })
    program.push(fork)
    if (!emit(program, node)) return false
  }
  for (const { from, to } of forks) to.push(program.length - from)
  return true
}

function run(program: readonly Instruction[], text: string): boolean {
  const characters = Array.from(text, (character) => character.codePointAt(0) ?? 0)
  let reached: number[] = []
  for (let at = 0; at <= characters.length; at += 1) {
    // a match may begin at every character
    reached = follow(program, [...reached, 0], { start: at === 0, end: at === characters.length })
    if (reached.some((step) => program[step]?.op === 'match')) return true
    const character = characters[at]
    if (character === undefined) return false
    reached = reached.flatMap((step) => {
      const instruction = program[step]
      return instruction?.op === 'set' && has(instruction.set, character) ? [step + 1] : []
    })
  }
  return false
}

/** All steps that are reached from `steps` without another character, each once. */
function follow(
  program: readonly Instruction[],
  steps: readonly number[],
  place: { start: boolean; end: boolean },
): number[] {
  const reached = new Set<number>()
  const open = [...steps]
  for (let step = open.pop(); step !== undefined; step = open.pop()) {
    if (reached.has(step)) continue
    reached.add(step)
    const instruction = program[step]
    if (instruction?.op === 'fork') for (const to of instruction.to) open.push(step + to)
    if (instruction?.op === 'start' && place.start) open.push(step + 1)
    if (instruction?.op === 'end' && place.end) open.push(step + 1)
  }
  return [...reached]
}

function has({ ranges, negated = false }: CharacterSet, character: number): boolean {
  return ranges.some(([first, last]) => first <= character && character <= last) !== negated
}
