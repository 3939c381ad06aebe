import { timelineOf } from '../model/timeline.ts'
import { formatSpan } from '../model/format.ts'
import type { WireTaskDetail } from '../../api/contract.ts'
import { useNow, useTitle } from './dashboard-context.ts'
import { ImageName } from './image-name.tsx'
import { LayerTable } from './layer-table.tsx'
import { backHref } from './route.ts'
import { TaskWork } from './running.tsx'
import { StateBadge } from './state-badge.tsx'
import { TaskActions } from './task-actions.tsx'
import { TaskFacts } from './task-facts.tsx'
import { TaskLog } from './task-log.tsx'
import { TaskStory } from './task-story.tsx'
import { TimelinePicture } from './timeline-picture.tsx'
import { useTask } from './use-task.ts'

/** One task: where it stands, what went wrong, what happened when, and its layers. */
export function TaskPage({ id }: { id: string }) {
  const { task, records, problem, refresh } = useTask(id)
  const now = useNow(1_000)
  useTitle(task === undefined ? 'acceld' : `${nameOf(task.source)}, ${task.state} – acceld`)
  if (task === undefined || problem !== '') {
    return (
      <section class="card lone">
        <Back />
        <h1>Task</h1>
        {problem === '' ? (
          <p class="empty">Loading …</p>
        ) : (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
      </section>
    )
  }
  const layers = task.layers ?? []
  const timeline = timelineOf(records, layers, now)
  return (
    <article class="task">
      <Back />
      <header class="task-head">
        <h1>
          <ImageName name={task.source} />
        </h1>
        <StateBadge task={task} />
        <TaskActions task={task} onChange={refresh} />
      </header>
      {task.state === 'running' && (
        <section class="card" aria-label="Progress">
          <TaskWork task={task} />
        </section>
      )}
      {task.reason !== '' && <Reason task={task} now={now} />}
      <div class="task-grid">
        <div class="column">
          <TaskStory task={task} records={records} />
          {timeline !== undefined && (
            <section class="card" aria-labelledby="timeline">
              <h2 id="timeline">Timeline</h2>
              <TimelinePicture timeline={timeline} />
            </section>
          )}
          {layers.length > 0 && (
            <section class="card" aria-labelledby="layers">
              <h2 id="layers">
                Layers <span class="count">{layers.length}</span>
              </h2>
              <LayerTable layers={layers} running={task.state === 'running'} />
            </section>
          )}
        </div>
        <div class="column">
          <TaskFacts task={task} />
          <TaskLog records={records} />
        </div>
      </div>
    </article>
  )
}

function Back() {
  return (
    <nav aria-label="Back">
      <a href={backHref()}>← All conversions</a>
    </nav>
  )
}

/** Why a task failed, was stopped, or had nothing to do; and what can be done about it. */
function Reason({ task, now }: { task: WireTaskDetail; now: number }) {
  const { skipped, state, reason, code, remedy, causes = [], next_attempt: next } = task
  const failure = !skipped && (state === 'failed' || next !== undefined)
  const left = next === undefined ? 0 : Date.parse(next) - now
  return (
    <section class={failure ? 'card failure' : 'card'} aria-labelledby="reason">
      <h2 id="reason">
        {failure ? 'What went wrong' : 'Why'} {code !== undefined && <code>{code}</code>}
      </h2>
      <p>{reason}</p>
      {causes.map((cause) => (
        <p key={cause} class="note">
          Behind that: {cause}
        </p>
      ))}
      {remedy !== undefined && (
        <>
          <h3>What to do</h3>
          <p>{remedy}</p>
        </>
      )}
      {next !== undefined && (
        <p class="next">
          It is tried again by itself
          {left > 0
            ? ` in ${formatSpan(Math.ceil(left / 1000) * 1000)}`
            : ' as soon as a worker is free'}
          .
        </p>
      )}
    </section>
  )
}

/** The part of an image's name by which people know it. */
function nameOf(source: string): string {
  return source.slice(source.lastIndexOf('/') + 1)
}
