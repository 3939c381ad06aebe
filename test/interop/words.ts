/** What becomes of an image, in words that a table can hold. */
import { CommandError } from './command.ts'

/** The code that our command line names, or what another converter said last. */
export function codeOf(error: unknown): string {
  const said = error instanceof CommandError ? error.stderr + error.stdout : String(error)
  return /\b[A-Z]{4,}_[A-Z_]+\b/.exec(said)?.[0] ?? lastLine(error)
}

/** The end of what a program said. */
export function lastLine(error: unknown): string {
  const said = error instanceof CommandError ? error.stderr || error.stdout : String(error)
  return said.trim().split('\n').at(-1)?.slice(0, 160) ?? ''
}

/** An expected outcome as a pattern: a text stands for itself. */
export function pattern(expected: string | RegExp): RegExp {
  if (expected instanceof RegExp) return expected
  return new RegExp(`^${expected.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}$`)
}
