import { AsyncLocalStorage } from 'node:async_hooks'

const surrounding = new AsyncLocalStorage<Readonly<Record<string, unknown>>>()

/**
 * Runs `work`; every line that it, and all that it starts, writes to any log carries `fields`. So a line deep in the
 * registry client tells its task although nothing there knows of tasks. A line's own fields come first.
 */
export function withLogFields<T>(fields: Readonly<Record<string, unknown>>, work: () => T): T {
  return surrounding.run({ ...surrounding.getStore(), ...fields }, work)
}

/** What the work around the caller was given. */
export function surroundingFields(): Readonly<Record<string, unknown>> {
  return surrounding.getStore() ?? {}
}
