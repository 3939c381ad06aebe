import { useState } from 'preact/hooks'
import { formatCount, formatSpan, shortDigests } from '../model/format.ts'
import type { KnownTask } from '../model/task-book.ts'
import { useNow } from './dashboard-context.ts'
import { ImageName } from './image-name.tsx'
import { Age } from './moment.tsx'
import { taskHref } from './route.ts'

/** Tasks of the queue that are shown before somebody asks for more, and how many more then. */
const SHOWN = 5
const MORE = 100

/** What waits, the next first. */
export function Queue({ tasks, loaded }: { tasks: readonly KnownTask[]; loaded: boolean }) {
  const [shown, setShown] = useState(SHOWN)
  const now = useNow(1000)
  return (
    <section class="card" aria-labelledby="queue">
      <h2 id="queue">
        Waiting <span class="count">{formatCount(tasks.length)}</span>
      </h2>
      {tasks.length === 0 && <p class="empty">{loaded ? 'The queue is empty.' : 'Loading …'}</p>}
      <ol class="plain rows">
        {tasks.slice(0, shown).map((task) => (
          <li key={task.id} class="row">
            <a class="image" href={taskHref(task.id)}>
              <ImageName name={task.source} />
            </a>
            <span class="when">
              {task.next_attempt === undefined ? (
                <>
                  for <Age time={task.created} />
                </>
              ) : (
                <NextAttempt task={task} time={task.next_attempt} now={now} />
              )}
            </span>
            {task.reason !== '' && <span class="note">{shortDigests(task.reason)}</span>}
          </li>
        ))}
      </ol>
      {tasks.length > shown && (
        <button type="button" onClick={() => setShown(shown === SHOWN ? MORE : shown + MORE)}>
          {tasks.length <= MORE ? `Show all ${tasks.length}` : `Show ${MORE} more`}
        </button>
      )}
    </section>
  )
}

/** When it is tried again. */
function NextAttempt({ task, time, now }: { task: KnownTask; time: string; now: number }) {
  const ms = Date.parse(time) - now
  const which = `attempt ${task.attempts + 1}`
  return (
    <time dateTime={time}>
      {ms > 0 ? `${which} in ${formatSpan(Math.ceil(ms / 1000) * 1000)}` : `${which} is next`}
    </time>
  )
}
