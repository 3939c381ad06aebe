import { useEffect, useState } from 'preact/hooks'
import { useDashboard } from './dashboard-context.ts'

/** Tasks of a page of the list. */
const PAGE = 100

/** How far back the list is complete: the `created` of the oldest task of it, and where the next page begins. */
export interface Reach {
  /** The first page is there. */
  known: boolean
  oldest: string
  next: string | undefined
}

const NOWHERE: Reach = { known: false, oldest: '', next: undefined }

/** Fetches what a query asks for that is not known yet, a page at a time. */
export function useTaskPages(parameters: Readonly<Record<string, string>>): {
  reach: Reach
  fetchNext(): void
  problem: string
} {
  const { tasks } = useDashboard()
  const query = JSON.stringify(parameters)
  const [reach, setReach] = useState(NOWHERE)
  const [cursor, setCursor] = useState('')
  const [problem, setProblem] = useState('')
  useEffect(() => {
    setReach(NOWHERE)
    setCursor('')
  }, [query])
  useEffect(() => {
    const stop = new AbortController()
    const asked = JSON.parse(query) as Record<string, string>
    const page = { ...asked, limit: String(PAGE), ...(cursor === '' ? {} : { cursor }) }
    const fetchIt = async (): Promise<void> => {
      try {
        setReach({ known: true, ...(await tasks.fetchPage(page, stop.signal)) })
        setProblem('')
      } catch (error) {
        if (!stop.signal.aborted) setProblem(error instanceof Error ? error.message : String(error))
      }
    }
    // somebody who types asks once, not with every letter
    const timer = setTimeout(() => void fetchIt(), 150)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [query, cursor, tasks])
  return { reach, problem, fetchNext: () => setCursor(reach.next ?? cursor) }
}
