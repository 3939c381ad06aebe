import { createContext } from 'preact'
import { useContext, useEffect, useReducer } from 'preact/hooks'
import type { Service } from '../model/service.ts'
import type { LiveTasks } from './live-tasks.ts'

/** How far a list of tasks was looked at. */
export interface ListMemory {
  /** Rows that are shown. */
  shown: number
  /** From when on the age of the filter let tasks through, RFC 3339. */
  age: { within: string; since: string }
  /** What was asked for. */
  query: string
  reach: Reach
}

/** How far back a list is complete: the `created` of the oldest task of it, and where the next page begins. */
export interface Reach {
  /** The first page is there. */
  known: boolean
  oldest: string
  next: string | undefined
}

/** Nothing was fetched. */
export const NOWHERE: Reach = { known: false, oldest: '', next: undefined }

/** What every part of the page works with. */
export interface Dashboard {
  service: Service
  tasks: LiveTasks
  /** How far the history was shown and fetched, for when one comes back to it. */
  list: ListMemory
}

export const DashboardContext = createContext<Dashboard | undefined>(undefined)

/** The dashboard, without being told of changes. */
export function useDashboard(): Dashboard {
  const dashboard = useContext(DashboardContext)
  if (dashboard === undefined) throw new Error('a part of the page stands outside of it')
  return dashboard
}

/** The tasks; what uses it is drawn anew whenever they change. */
export function useLiveTasks(): LiveTasks {
  const { tasks } = useDashboard()
  const [, redraw] = useReducer((count: number) => count + 1, 0)
  useEffect(() => tasks.subscribe(() => redraw(undefined)), [tasks])
  return tasks
}

/** The time, in milliseconds since 1970; what uses it is drawn anew every `everyMs`. */
export function useNow(everyMs: number): number {
  const [, redraw] = useReducer((count: number) => count + 1, 0)
  useEffect(() => {
    const timer = setInterval(() => redraw(undefined), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return Date.now()
}

/** What the tab is called. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title
  }, [title])
}
