import { formatBytes, formatRate, formatSpan } from '../model/format.ts'
import type { KnownTask, Pace } from '../model/task-book.ts'
import { workOf } from '../model/work.ts'
import { useDashboard, useNow } from './dashboard-context.ts'
import { taskHref } from './route.ts'

/** What is being converted now. */
export function Running({ tasks, loaded }: { tasks: readonly KnownTask[]; loaded: boolean }) {
  const { tasks: live } = useDashboard()
  useNow(1000)
  const now = performance.now()
  return (
    <section class="card" aria-labelledby="running">
      <h2 id="running">
        Running <span class="count">{tasks.length}</span>
      </h2>
      {tasks.length === 0 && (
        <p class="empty">{loaded ? 'Nothing is being converted.' : 'Loading …'}</p>
      )}
      <ul class="plain">
        {tasks.map((task) => (
          <RunningTask key={task.id} task={task} pace={live.book.pace(task.id, now)} />
        ))}
      </ul>
    </section>
  )
}

function RunningTask({ task, pace }: { task: KnownTask; pace: Pace }) {
  return (
    <li class="running-task">
      <a class="image" href={taskHref(task.id)}>
        {task.source}
      </a>
      <Work task={task} pace={pace} />
    </li>
  )
}

/** Where a running task stands: phase, layers, bytes, pace and what is left. */
export function Work({ task, pace }: { task: KnownTask; pace: Pace }) {
  const { progress } = task
  if (progress === undefined) return <p class="figures">begins</p>
  const { name, done, total, bytesPerSecond, leftMs } = workOf(progress, pace)
  const figures = [
    `${progress.layers_done} of ${progress.layers} layers done`,
    `${formatBytes(done)} of ${formatBytes(total)}`,
    ...(bytesPerSecond > 0 ? [formatRate(bytesPerSecond)] : []),
    ...(leftMs === undefined || done >= total ? [] : [`${formatSpan(leftMs)} left`]),
  ]
  return (
    <>
      <progress aria-label={`${task.source}: ${name}`} value={done} max={Math.max(1, total)} />
      <p class="figures">
        <strong class={`phase ${progress.phase}`}>{name}</strong>
        {figures.map((figure) => (
          <span key={figure}>{figure}</span>
        ))}
      </p>
    </>
  )
}
