import { useEffect, useState } from 'preact/hooks'

/** Which page is shown; it stands behind the `#`, so that any path may be before it. */
export type Route = { page: 'overview' } | { page: 'task'; id: string }

/** The address of a task's page. */
export function taskHref(id: string): string {
  return `#/task/${encodeURIComponent(id)}`
}

/** The page that the address names. */
export function useRoute(): Route {
  const [route, setRoute] = useState(readRoute)
  useEffect(() => {
    const follow = (): void => setRoute(readRoute())
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  return route
}

function readRoute(): Route {
  const id = /^#\/task\/([^/]+)$/.exec(location.hash)?.[1]
  return id === undefined ? { page: 'overview' } : { page: 'task', id: decodeURIComponent(id) }
}
