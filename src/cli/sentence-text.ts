import { terminalStyle } from '../log/terminal.ts'
import type { Sentence, Tone } from '../story/sentence.ts'
import type { ProgramIo } from './program-io.ts'

/** How sentences are laid out. */
export interface SentenceTextInit {
  /** Lines are broken before this column. @default never */
  columns?: number
  /** Warnings and problems are coloured. @default false */
  colored?: boolean
  /** What stands before a sentence of each tone; all of one width. @default a letter */
  marks?: Record<Tone, string>
  /** The widest topic, where more sentences follow in another call. @default that of the sentences */
  topicWidth?: number
}

/** Wider lines are hard to read. */
const MAX_COLUMNS = 100

/** Narrower ones would be broken at each word. */
const MIN_COLUMNS = 40

const letters: Record<Tone, string> = { plain: ' ', good: '+', warning: '!', problem: 'x' }

const colors: Record<Tone, string> = { plain: '', good: '32', warning: '33', problem: '31' }

/** How the standard output of `io` wants its sentences: in a pipe each is one line, for grep. */
export function sentenceStyle({ stdout, environment }: ProgramIo): SentenceTextInit {
  const { terminal, colored } = terminalStyle(stdout, environment)
  if (!terminal) return { colored }
  const columns = Math.max(MIN_COLUMNS, Math.min(MAX_COLUMNS, stdout.columns ?? 80))
  return { colored, columns }
}

/**
 * Sentences, topic by topic: the topic before its first sentence, a mark (`+` good, `!` warning, `x` problem), the text,
 * and below it what can be done:
 *
 *     layers    ! Layer 3 was kept as it is.
 *                 -> accelctl …
 */
export function sentenceText(
  sentences: readonly Sentence<string>[],
  init: SentenceTextInit = {},
): string {
  const { marks = letters } = init
  const width = init.topicWidth ?? Math.max(0, ...sentences.map(({ topic }) => topic.length))
  const lines = sentences.flatMap((sentence, i) => {
    const { topic, tone, text, fix } = sentence
    const shown = sentences[i - 1]?.topic === topic ? '' : topic
    const head = `${shown.padEnd(width)}  ${painted(marks[tone], tone, init)} `
    const indent = width + marks[tone].length + 3
    return [
      ...hung(head, text, indent, init),
      ...(fix === undefined ? [] : hung(`${' '.repeat(indent)}-> `, fix, indent + 3, init)),
    ]
  })
  return lines.map((line) => `${line.trimEnd()}\n`).join('')
}

function painted(mark: string, tone: Tone, { colored = false }: SentenceTextInit): string {
  return colored && colors[tone] !== '' ? `\u001b[${colors[tone]}m${mark}\u001b[0m` : mark
}

/** What stays on one line: a word, or what stands between quotation marks. */
const pieces = /(?:"[^"]{1,40}"|\S)+/g

/** `text` behind `head`, its further lines below its first; words are never cut, since they may be names and commands. */
function hung(head: string, text: string, indent: number, { columns }: SentenceTextInit): string[] {
  const clean = text.replaceAll(/\p{Cc}+/gu, ' ')
  if (columns === undefined) return [head + clean]
  const lines: string[] = []
  let line = ''
  for (const [word] of clean.matchAll(pieces)) {
    if (line !== '' && indent + line.length + 1 + word.length > columns) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  lines.push(line)
  return lines.map((one, i) => (i === 0 ? head : ' '.repeat(indent)) + one)
}
