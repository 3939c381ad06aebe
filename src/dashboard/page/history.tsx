import type { VNode } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { NEVER, type WireTask } from '../../api/contract.ts'
import { fits, queryOf, stateFilters, type Filter } from '../model/filter.ts'
import { formatBytes, formatChange, formatSpan } from '../model/format.ts'
import type { KnownTask } from '../model/task-book.ts'
import { useDashboard } from './dashboard-context.ts'
import { Moment } from './moment.tsx'
import { taskHref } from './route.ts'
import { StateBadge } from './state-badge.tsx'

/** Rows that are added at a time. */
const PAGE = 100

/** How far back the list is complete: the `created` of the oldest task of it, and where the next page begins. */
interface Reach {
  oldest: string
  next: string | undefined
}

/** All tasks, the newest first, by state and name. */
export function History({ all }: { all: readonly KnownTask[] }) {
  const [name, setName] = useState('ended')
  const [text, setText] = useState('')
  const [shown, setShown] = useState(PAGE)
  const filter: Filter = { states: stateFilters[name] ?? [], text }
  const { reach, fetchNext, problem } = usePages(filter)
  const known = all.filter(({ created }) => created >= reach.oldest)
  const found = known.filter((task) => fits(filter, task))
  const rowOf = useRows()
  const lacking = found.length < shown
  useEffect(() => {
    if (lacking) fetchNext()
  }, [lacking, reach.next])
  return (
    <section class="card history-card" aria-labelledby="history">
      <h2 id="history">History</h2>
      <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <label>
          State
          <select value={name} onChange={({ currentTarget }) => setName(currentTarget.value)}>
            {Object.keys(stateFilters).map((option) => (
              <option key={option}>{option}</option>
            ))}
          </select>
        </label>
        <label>
          Image
          <input
            type="search"
            value={text}
            placeholder="part of its name"
            onInput={({ currentTarget }) => setText(currentTarget.value.trim())}
          />
        </label>
      </form>
      {problem !== '' && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {found.length === 0 && <p class="empty">No task is like that.</p>}
      <ol class="plain rows history">{found.slice(0, shown).map(rowOf)}</ol>
      {(found.length > shown || reach.next !== undefined) && (
        <button type="button" onClick={() => setShown(shown + PAGE)}>
          Show {PAGE} more
        </button>
      )}
    </section>
  )
}

/** Draws a row once for each change of its task: an element that is the same is not looked at again, and most are. */
function useRows(): (task: WireTask) => VNode {
  const drawn = useRef(new WeakMap<WireTask, VNode>())
  return (task) => {
    const known = drawn.current.get(task)
    if (known !== undefined) return known
    const row = <HistoryRow key={task.id} task={task} />
    drawn.current.set(task, row)
    return row
  }
}

function HistoryRow({ task }: { task: WireTask }) {
  const { source_size: before, target_size: after } = task
  return (
    <li class="row">
      <a class="image" href={taskHref(task.id)}>
        {task.source}
      </a>
      <StateBadge task={task} />
      <span class="sizes">
        {after > 0
          ? `${formatBytes(before)} → ${formatBytes(after)}, ${formatChange(before, after)}`
          : task.reason}
      </span>
      <span class="when">
        <Moment time={task.created} />
        {took(task)}
      </span>
    </li>
  )
}

/** How long it was worked on. */
function took({ started, finished }: WireTask): string {
  if (started === undefined || finished === NEVER) return ''
  return `, took ${formatSpan(Date.parse(finished) - Date.parse(started))}`
}

/** Fetches what a filter asks for that is not known yet, a page at a time. */
function usePages(filter: Filter): { reach: Reach; fetchNext(): void; problem: string } {
  const { tasks } = useDashboard()
  const query = JSON.stringify(queryOf(filter))
  const [reach, setReach] = useState<Reach>({ oldest: '', next: undefined })
  const [cursor, setCursor] = useState('')
  const [problem, setProblem] = useState('')
  useEffect(() => {
    setReach({ oldest: '', next: undefined })
    setCursor('')
  }, [query])
  useEffect(() => {
    const stop = new AbortController()
    const parameters = JSON.parse(query) as Record<string, string>
    const page = { ...parameters, limit: String(PAGE), ...(cursor === '' ? {} : { cursor }) }
    const fetchIt = async (): Promise<void> => {
      try {
        const answer = await tasks.fetchPage(page, stop.signal)
        setReach(answer)
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
