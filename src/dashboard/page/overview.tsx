import { useMemo } from 'preact/hooks'
import type { Filter } from '../model/filter.ts'
import { useLiveTasks, useTitle } from './dashboard-context.ts'
import { History } from './history.tsx'
import { Queue } from './queue.tsx'
import { Running } from './running.tsx'
import { ServicePanel } from './service-panel.tsx'
import { Summary } from './summary.tsx'
import { Trends } from './trends.tsx'
import { useStatus } from './use-status.ts'

/** What happens now, what waits, how it went, and how the service is. */
export function Overview({ filter }: { filter: Filter }) {
  const tasks = useLiveTasks()
  const known = useStatus()
  const all = tasks.book.all()
  const { loaded } = tasks
  const running = useMemo(() => all.filter(({ state }) => state === 'running'), [all])
  const waiting = useMemo(() => all.filter(({ state }) => state === 'waiting').reverse(), [all])
  useTitle(running.length === 0 ? 'acceld' : `(${running.length}) acceld`)
  const registries = known.status?.registries
  // progress changes none of these, and it comes often
  const still = useMemo(
    () => (
      <>
        <ServicePanel {...known} />
        <Trends all={all} loaded={loaded} />
        <History all={all} filter={filter} registries={registries?.map(({ name }) => name) ?? []} />
      </>
    ),
    [all, loaded, filter, known],
  )
  return (
    <>
      <h1 class="unseen">Conversions</h1>
      <div class="overview">
        <Summary all={all} running={running} waiting={waiting} status={known.status} />
        <div class="column now">
          <Running tasks={running} loaded={loaded} />
          <Queue tasks={waiting} loaded={loaded} />
        </div>
        {still}
      </div>
    </>
  )
}
