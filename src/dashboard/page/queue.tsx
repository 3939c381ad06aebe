import { useState } from 'preact/hooks'
import type { KnownTask } from '../model/task-book.ts'
import { Moment } from './moment.tsx'
import { taskHref } from './route.ts'

/** Tasks of the queue that are shown before somebody asks for all. */
const SHOWN = 5

/** What waits, the next first. */
export function Queue({ tasks }: { tasks: readonly KnownTask[] }) {
  const [all, setAll] = useState(false)
  const shown = all ? tasks : tasks.slice(0, SHOWN)
  return (
    <section class="card" aria-labelledby="queue">
      <h2 id="queue">
        Waiting <span class="count">{tasks.length}</span>
      </h2>
      {tasks.length === 0 && <p class="empty">The queue is empty.</p>}
      <ol class="plain rows">
        {shown.map((task) => (
          <li key={task.id} class="row">
            <a class="image" href={taskHref(task.id)}>
              {task.source}
            </a>
            <span class="when">
              {task.next_attempt === undefined ? (
                <>
                  since <Moment time={task.created} />
                </>
              ) : (
                <>
                  attempt {(task.attempts ?? 0) + 1} at <Moment time={task.next_attempt} />
                </>
              )}
            </span>
            {task.reason !== '' && <span class="reason">{task.reason}</span>}
          </li>
        ))}
      </ol>
      {tasks.length > SHOWN && (
        <button type="button" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? 'Show fewer' : `Show all ${tasks.length}`}
        </button>
      )}
    </section>
  )
}
