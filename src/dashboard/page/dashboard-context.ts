import { createContext } from 'preact'
import { useContext, useEffect, useReducer } from 'preact/hooks'
import type { Service } from '../model/service.ts'
import type { LiveTasks } from './live-tasks.ts'

/** What every part of the page works with. */
export interface Dashboard {
  service: Service
  tasks: LiveTasks
  /** Rows of the history that are shown: as many as there were when one comes back to it. */
  rows: { shown: number }
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
