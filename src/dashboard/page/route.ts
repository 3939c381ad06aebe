import { useEffect, useState } from 'preact/hooks'
import { readFilter, writeFilter, type Filter } from '../model/filter.ts'

/** Which page is shown; it stands behind the `#`, so that any path may be before it. */
export type Route = { page: 'overview'; filter: Filter } | { page: 'task'; id: string }

const listeners = new Set<() => void>()

/** Where the overview was left. */
let lastOverview = '#/'
/** The task whose page was left last. */
let lastTask = ''

/** The address of a task's page. */
export function taskHref(id: string): string {
  return `#/task/${encodeURIComponent(id)}`
}

/** The address of the overview with a filter. */
export function overviewHref(filter: Filter): string {
  const query = writeFilter(filter)
  return query === '' ? '#/' : `#/?${query}`
}

/** The address of the overview as it was left. */
export function backHref(): string {
  return lastOverview
}

/** The task from whose page one comes; empty where there is none. */
export function taskLeft(): string {
  return lastTask
}

/** Puts a filter into the address, in the place of the one that is there: going back does not lead through every letter. */
export function replaceFilter(filter: Filter): void {
  history.replaceState(null, '', overviewHref(filter))
  for (const listener of listeners) listener()
}

/** The page that the address names. */
export function useRoute(): Route {
  const [route, setRoute] = useState(readRoute)
  useEffect(() => {
    const follow = (): void => setRoute(readRoute())
    addEventListener('hashchange', follow)
    listeners.add(follow)
    return () => {
      removeEventListener('hashchange', follow)
      listeners.delete(follow)
    }
  }, [])
  return route
}

function readRoute(): Route {
  const { hash } = location
  const id = /^#\/task\/([^/?]+)$/.exec(hash)?.[1]
  if (id !== undefined) {
    lastTask = decodeURIComponent(id)
    return { page: 'task', id: lastTask }
  }
  const filter = readFilter(new URLSearchParams(/\?(.*)$/.exec(hash)?.[1] ?? ''))
  lastOverview = overviewHref(filter)
  return { page: 'overview', filter }
}
