import { useCallback, useEffect, useState } from 'preact/hooks'
import { NEVER, type WireRecord, type WireTaskDetail } from '../../api/contract.ts'
import { ServiceError } from '../model/service.ts'
import { isOpen } from '../model/task-book.ts'
import { timelineOf } from '../model/timeline.ts'
import { useDashboard, useLiveTasks, useNow } from './dashboard-context.ts'
import { LayerTable } from './layer-table.tsx'
import { Moment } from './moment.tsx'
import { Work } from './running.tsx'
import { StateBadge } from './state-badge.tsx'
import { TaskActions } from './task-actions.tsx'
import { TaskFacts } from './task-facts.tsx'
import { TimelinePicture } from './timeline-picture.tsx'

/** How often a task that has not ended is asked for, in milliseconds; besides whenever an event tells of it. */
const EVERY_MS = 1_000

/** One task: where it stands, what went wrong, what happened when, and its layers. */
export function TaskPage({ id }: { id: string }) {
  const { task, records, problem, refresh } = useTask(id)
  const { tasks } = useDashboard()
  const now = useNow(1_000)
  if (problem !== '') {
    return (
      <section class="card">
        <h1>Task</h1>
        <p class="problem" role="alert">
          {problem}
        </p>
        <a href="#/">All tasks</a>
      </section>
    )
  }
  if (task === undefined) return <p class="empty">Loading …</p>
  const layers = task.layers ?? []
  const timeline = timelineOf(records, layers, now)
  const live = tasks.book.get(id) ?? task
  return (
    <article class="task">
      <nav aria-label="Back">
        <a href="#/">All tasks</a>
      </nav>
      <header class="task-head">
        <h1>{task.source}</h1>
        <StateBadge task={task} />
        <TaskActions task={task} onChange={refresh} />
      </header>
      {task.state === 'running' && (
        <div class="card">
          <Work
            task={{ ...task, progress: live.progress ?? task.progress! }}
            pace={tasks.book.pace(id, performance.now())}
          />
        </div>
      )}
      {task.reason !== '' && (
        <section class={task.skipped ? 'card' : 'card failure'} aria-label="Reason">
          <p>
            {task.code !== undefined && <code>{task.code}</code>} {task.reason}
          </p>
          {task.remedy !== undefined && <p class="remedy">{task.remedy}</p>}
        </section>
      )}
      <div class="task-grid">
        {timeline !== undefined && (
          <section class="card wide" aria-labelledby="timeline">
            <h2 id="timeline">Timeline</h2>
            <TimelinePicture timeline={timeline} />
          </section>
        )}
        <TaskFacts task={task} />
        <section class="card" aria-labelledby="events">
          <h2 id="events">Events</h2>
          <ol class="plain events">
            {records.map(({ time, type, message, code }, i) => (
              <li key={i}>
                <Moment time={time} /> <strong>{type}</strong>{' '}
                {code !== undefined && <code>{code}</code>} {message}
              </li>
            ))}
          </ol>
        </section>
        {layers.length > 0 && (
          <section class="card wide" aria-labelledby="layers">
            <h2 id="layers">Layers</h2>
            <LayerTable layers={layers} />
          </section>
        )}
      </div>
    </article>
  )
}

function useTask(id: string) {
  const { service } = useDashboard()
  const tasks = useLiveTasks()
  const known = tasks.book.get(id)
  const [found, setFound] = useState<{ task: WireTaskDetail; records: WireRecord[] }>()
  const [problem, setProblem] = useState('')
  const refresh = useCallback(
    async (signal?: AbortSignal) => {
      try {
        const [task, records] = await Promise.all([
          service.task(id, signal),
          service.records(id, signal),
        ])
        setFound({ task, records })
        setProblem('')
      } catch (error) {
        if (signal?.aborted) return
        // without a connection, what is known is shown: that it is old is shown, too
        if (error instanceof ServiceError && error.status === 404) setProblem(error.message)
      }
    },
    [id, service],
  )
  const open = found === undefined || isOpen(found.task.state)
  const mark = `${known?.state ?? ''} ${known?.attempts ?? ''} ${known?.finished ?? NEVER}`
  useEffect(() => {
    const stop = new AbortController()
    void refresh(stop.signal)
    const timer = open ? setInterval(() => void refresh(stop.signal), EVERY_MS) : undefined
    return () => {
      clearInterval(timer)
      stop.abort()
    }
  }, [refresh, open, mark])
  return {
    task: found?.task,
    records: found?.records ?? [],
    problem,
    refresh: () => void refresh(),
  }
}
