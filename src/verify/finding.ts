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
