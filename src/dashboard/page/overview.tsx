import { isOpen } from '../model/task-book.ts'
import { useLiveTasks } from './dashboard-context.ts'
import { History } from './history.tsx'
import { Queue } from './queue.tsx'
import { Running } from './running.tsx'
import { ServicePanel } from './service-panel.tsx'
import { Trends } from './trends.tsx'

/** What happens now, what waits, how it went, and how the service is. */
export function Overview() {
  const { book, loaded } = useLiveTasks()
  const all = book.all()
  const open = all.filter(({ state }) => isOpen(state))
  return (
    <>
      <h1 class="unseen">Conversions</h1>
      <div class="overview">
        <div class="column now">
          <Running tasks={open.filter(({ state }) => state === 'running')} loaded={loaded} />
          <Queue tasks={open.filter(({ state }) => state === 'waiting').reverse()} />
        </div>
        <div class="column aside">
          <ServicePanel />
          <Trends all={all} />
        </div>
        <History all={all} />
      </div>
    </>
  )
}
