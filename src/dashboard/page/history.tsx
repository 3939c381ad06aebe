import type { VNode } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { NEVER, type WireTask } from '../../api/contract.ts'
import {
  DEFAULT_FILTER,
  fits,
  queryOf,
  sinceOf,
  writeFilter,
  type Filter,
} from '../model/filter.ts'
import {
  formatBytes,
  formatChange,
  formatCount,
  formatSpan,
  shortDigests,
} from '../model/format.ts'
import type { KnownTask } from '../model/task-book.ts'
import { useDashboard } from './dashboard-context.ts'
import { HistoryFilters } from './history-filters.tsx'
import { ImageName } from './image-name.tsx'
import { Moment } from './moment.tsx'
import { replaceFilter, taskHref } from './route.ts'
import { StateBadge } from './state-badge.tsx'
import { useTaskPages } from './use-task-pages.ts'

/** Rows that are shown at first, and added at a time. */
export const FIRST_ROWS = 100

interface HistoryInit {
  all: readonly KnownTask[]
  filter: Filter
  registries: readonly string[]
}

/** All tasks that fit a filter, the newest first. */
export function History({ all, filter, registries }: HistoryInit) {
  const { list } = useDashboard()
  const [shown, setShown] = useState(list.shown)
  const show = (count: number): void => setShown((list.shown = count))
  if (list.age.within !== filter.within) {
    list.age = { within: filter.within, since: sinceOf(filter, Date.now()) }
  }
  const { since } = list.age
  const { reach, fetchNext, problem } = useTaskPages(queryOf(filter, since))
  const found = all.filter((task) => task.created >= reach.oldest && fits(filter, since, task))
  const rowOf = useRows()
  // one page more than is shown: only then is it known whether there is more to show
  const lacking = found.length <= shown
  useEffect(() => {
    if (lacking) fetchNext()
  }, [lacking, reach.next])
  const change = (next: Filter): void => {
    show(FIRST_ROWS)
    replaceFilter(next)
  }
  return (
    <section class="card history-card" aria-labelledby="history">
      <h2 id="history">
        History{' '}
        <span class="count">
          {reach.known && `${formatCount(found.length)}${reach.next === undefined ? '' : '+'}`}
        </span>
      </h2>
      <HistoryFilters filter={filter} registries={registries} onChange={change} />
      {problem !== '' && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {found.length === 0 && (
        <p class="empty">{problem === '' && emptiness(filter, reach.known)}</p>
      )}
      <ol class="plain rows history">{found.slice(0, shown).map(rowOf)}</ol>
      {(found.length > shown || reach.next !== undefined) && (
        <button type="button" onClick={() => show(shown + FIRST_ROWS)}>
          Show {FIRST_ROWS} more
        </button>
      )}
    </section>
  )
}

function emptiness(filter: Filter, known: boolean): string {
  if (!known) return 'Loading …'
  return writeFilter(filter) === writeFilter(DEFAULT_FILTER)
    ? 'No task has ended yet.'
    : 'No task fits this filter.'
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
  const note = noteOf(task)
  return (
    <li class="row">
      <a class="image" href={taskHref(task.id)}>
        <ImageName name={task.source} />
      </a>
      <StateBadge task={task} />
      <span class="sizes">{after > 0 && `${formatBytes(before)} → ${formatBytes(after)}`}</span>
      <span class="change">{after > 0 && formatChange(before, after)}</span>
      <span class="took">{took(task)}</span>
      <span class="when">
        <Moment time={task.created} />
      </span>
      {note !== '' && <span class="note">{note}</span>}
    </li>
  )
}

function noteOf({ reason, reused }: WireTask): string {
  return reused ? 'The result was there already.' : shortDigests(reason)
}

/** How long it was worked on. */
function took({ started, finished }: WireTask): string {
  if (started === undefined || finished === NEVER) return ''
  return `took ${formatSpan(Date.parse(finished) - Date.parse(started))}`
}
