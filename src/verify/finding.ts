import { AccelError, isAccelError } from '../errors/accel-error.ts'

/**
 * Something that is wrong with a converted image, in words that can be shown. `path` is the clean path that it is
 * about, or the part of the format: `TOC`, `footer`, `chunk table`.
 */
export interface Finding {
  path: string
  problem: string
}

/** Findings that are described; more are only counted. */
export const MAX_FINDINGS = 100

/** Collects findings: the first MAX_FINDINGS, and how many there are. */
export class Findings {
  count = 0
  readonly kept: Finding[] = []

  add(path: string, problem: string): void {
    this.count++
    if (this.kept.length < MAX_FINDINGS) this.kept.push({ path, problem })
  }
}

/** The same error, which names the path that was being read besides what it named. */
export function whileReading(path: string, error: unknown): unknown {
  if (!isAccelError(error)) return error
  const { code } = error
  const context = error.context as { what?: unknown }
  if (typeof context.what !== 'string') return error
  const named = { ...context, what: `${context.what}, ${path}` }
  return new AccelError(code, named, { cause: error })
}
