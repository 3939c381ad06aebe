import { useEffect, useState } from 'preact/hooks'
import { NOWHERE, useDashboard, type Reach } from './dashboard-context.ts'

/** Tasks of a page of the list. */
const PAGE = 100

/** Fetches what a query asks for that is not known yet, a page at a time. What was fetched is still known when one comes back. */
export function useTaskPages(parameters: Readonly<Record<string, string>>): {
  reach: Reach
  fetchNext(): void
  problem: string
} {
  const { tasks, list } = useDashboard()
  const query = JSON.stringify(parameters)
  const [reach, setReach] = useState(list.query === query ? list.reach : NOWHERE)
  const [cursor, setCursor] = useState('')
  const [problem, setProblem] = useState('')
  const remember = (reach: Reach): void => {
    Object.assign(list, { query, reach })
    setReach(reach)
  }
  useEffect(() => {
    if (list.query === query) return
    remember(NOWHERE)
    setCursor('')
  }, [query])
  useEffect(() => {
    if (cursor === '' && list.query === query && list.reach.known) return undefined
    const stop = new AbortController()
    const asked = JSON.parse(query) as Record<string, string>
    const page = { ...asked, limit: String(PAGE), ...(cursor === '' ? {} : { cursor }) }
    const fetchIt = async (): Promise<void> => {
      try {
        remember({ known: true, ...(await tasks.fetchPage(page, stop.signal)) })
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
