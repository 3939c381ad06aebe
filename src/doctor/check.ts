/**
 * ok       it is as it should be
 * warning  it works, and not as well, or not as safely, as it could
 * failure  something does not work
 * skipped  it could not be looked at
 */
export type CheckState = 'ok' | 'warning' | 'failure' | 'skipped'

/** What one look at a set-up has found. */
export interface Finding {
  state: CheckState
  /** What was found, and, where it is not as it should be, what was expected. No secrets. */
  found: string
  /** The one thing to do about it. */
  fix?: string
}

/** A finding, and the part of the set-up that it is about: `config`, `work_dir`, a registry by its name. */
export interface Check extends Finding {
  area: string
}

export function ok(found: string): Finding {
  return { state: 'ok', found }
}

export function skipped(found: string, fix?: string): Finding {
  return { state: 'skipped', found, ...(fix === undefined ? {} : { fix }) }
}

export function warning(found: string, fix: string): Finding {
  return { state: 'warning', found, fix }
}

export function failure(found: string, fix: string): Finding {
  return { state: 'failure', found, fix }
}

/** How many findings there are of each kind. */
export function countsOf(findings: readonly Finding[]): Record<CheckState, number> {
  const counts: Record<CheckState, number> = { ok: 0, warning: 0, failure: 0, skipped: 0 }
  for (const { state } of findings) counts[state] += 1
  return counts
}
