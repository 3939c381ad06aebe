/** What a sentence is about; sentences of one topic stand together. */
export type Topic = 'outcome' | 'cause' | 'layers' | 'size' | 'check' | 'time' | 'history' | 'next'

/**
 * plain    a fact
 * good     what was hoped for
 * warning  it works, and could be better
 * problem  it does not work
 */
export type Tone = 'plain' | 'good' | 'warning' | 'problem'

/** One thing that is said. Plain data: how it is shown is the reader's affair. */
export interface Sentence<About extends string = Topic> {
  topic: About
  tone: Tone
  text: string
  /** What to do about it: a command, a setting, or a permission. */
  fix?: string
}

/** `1 layer`, `7 layers`. */
export function countOf(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`
}

/** `text` with the end of a sentence, where it has none. */
export function ended(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}

/** `a`, `a and b`, `a, b and c`. */
export function listOf(parts: readonly string[]): string {
  const last = parts.at(-1) ?? ''
  return parts.length < 2 ? last : `${parts.slice(0, -1).join(', ')} and ${last}`
}
