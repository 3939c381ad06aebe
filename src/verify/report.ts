import type { Difference } from '../formats/listing/compare.ts'
import type { ViewFormat } from './allowances.ts'
import type { Finding } from './finding.ts'

/** How one kind of reader sees an image, against its source. */
export interface CheckedView {
  /** `ordinary`: by unpacking; others lazily, as the reader of that format. */
  reader: ViewFormat
  /** Paths compared. */
  paths: number
  /** The first of them, by path. */
  differences: Difference[]
}

/** What the comparison of an image with its source came to. */
export interface VerifyReport {
  views: CheckedView[]
  /** What is wrong with the format itself. */
  findings: Finding[]
  /** Everything that is wrong, described or not. */
  problems: number
  /** What was not checked, and why. */
  notes: string[]
}

/** Problems that an error names; a log is no place for more. */
export const MAX_NAMED = 5

/** A report of nothing. */
export function emptyReport(): VerifyReport {
  return { views: [], findings: [], problems: 0, notes: [] }
}

/** The problems of a report in sentences that name the path. */
export function problemLines({ views, findings }: VerifyReport): string[] {
  const differences = views.flatMap((view) => view.differences)
  return [
    ...differences.map(
      ({ path, field, source, target }) =>
        `${path === '' ? '/' : path}: ${field}: ${source} became ${target}`,
    ),
    ...findings.map(({ path, problem }) => `${path}: ${problem}`),
  ]
}
