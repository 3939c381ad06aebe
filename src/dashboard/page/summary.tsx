import type { ComponentChildren } from 'preact'
import type { WireStatus } from '../../api/contract.ts'
import { DEFAULT_FILTER } from '../model/filter.ts'
import { formatBytes, formatChange, formatCount, formatRate } from '../model/format.ts'
import { RECENT_MS, recentOf } from '../model/recent.ts'
import type { KnownTask } from '../model/task-book.ts'
import { useDashboard, useNow } from './dashboard-context.ts'
import { Age, Moment } from './moment.tsx'
import { overviewHref } from './route.ts'

interface SummaryInit {
  all: readonly KnownTask[]
  running: readonly KnownTask[]
  waiting: readonly KnownTask[]
  status: WireStatus | undefined
}

/** The figures that say whether all is well. */
export function Summary({ all, running, waiting, status }: SummaryInit) {
  const { tasks } = useDashboard()
  const now = useNow(1000)
  const { ended, failed, sourceBytes, targetBytes } = recentOf(all, now)
  const [oldest] = waiting
  // a busy service may have more tasks than the page has fetched
  const short = tasks.reach !== '' && Date.parse(tasks.reach) > now - RECENT_MS
  const lately = short ? (
    <>
      since <Moment time={tasks.reach} />
    </>
  ) : (
    'in 24 h'
  )
  return (
    <dl class="summary">
      <Figure
        name="Running"
        value={status ? `${running.length} of ${status.workers}` : running.length}
      >
        <Speed running={running} />
      </Figure>
      <Figure name="Waiting" value={formatCount(waiting.length)}>
        {oldest === undefined ? (
          'none'
        ) : (
          <>
            longest for <Age time={oldest.created} />
          </>
        )}
      </Figure>
      <Figure name="Failed" value={formatCount(failed)} bad={failed > 0}>
        {failed > 0 ? (
          <a href={overviewHref({ ...DEFAULT_FILTER, state: 'failed', within: 'day' })}>
            of {formatCount(ended)} {lately}
          </a>
        ) : (
          <>
            of {formatCount(ended)} {lately}
          </>
        )}
      </Figure>
      <Figure name="Converted" value={formatBytes(sourceBytes)}>
        {sourceBytes > 0 ? `${formatChange(sourceBytes, targetBytes)}, ` : ''}
        {lately}
      </Figure>
      <Figure name="Free on disk" value={status ? formatBytes(status.disk.free) : '…'}>
        {status ? `of ${formatBytes(status.disk.size)}` : ''}
      </Figure>
    </dl>
  )
}

function Figure(init: {
  name: string
  value: string | number
  bad?: boolean
  children: ComponentChildren
}) {
  const { name, value, bad = false, children } = init
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <strong class={bad ? 'bad' : ''}>{value}</strong> <span>{children}</span>
      </dd>
    </div>
  )
}

/** How fast all that runs goes together. */
function Speed({ running }: { running: readonly KnownTask[] }) {
  const { tasks } = useDashboard()
  const now = performance.now()
  const paces = running.map(({ id }) => tasks.book.paces.of(id, now))
  const read = paces.reduce((sum, pace) => sum + pace.read, 0)
  const pushed = paces.reduce((sum, pace) => sum + pace.pushed, 0)
  if (running.length === 0) return <>nothing to do</>
  return <>{pushed > read ? `${formatRate(pushed)} pushed` : `${formatRate(read)} read`}</>
}
