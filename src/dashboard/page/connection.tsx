import { formatMoment } from '../model/format.ts'
import { useLiveTasks, useNow } from './dashboard-context.ts'

/** Whether what is shown is of now. */
export function ConnectionLight() {
  const { connection } = useLiveTasks()
  switch (connection.state) {
    case 'live':
      return <span class="light live">Live</span>
    case 'connecting':
      return <span class="light connecting">Connecting …</span>
    case 'refused':
      return <span class="light">Not signed in</span>
    case 'lost':
      return <span class="light lost">Not connected</span>
  }
}

/** What has happened to a connection that is lost, and how old that makes what is shown. */
export function ConnectionBanner() {
  const tasks = useLiveTasks()
  const now = useNow(1000)
  const { connection, lostAt } = tasks
  if (lostAt === undefined || connection.state === 'refused') return null
  const seconds =
    connection.state === 'lost' ? Math.max(1, Math.ceil((connection.again - now) / 1000)) : 0
  return (
    <section
      class="banner"
      aria-label="Connection"
      title={connection.state === 'lost' ? connection.problem : ''}
    >
      <p>
        <strong>The connection to acceld is lost.</strong> What is shown is of{' '}
        {formatMoment(lostAt, now)}.{' '}
        {seconds > 0 ? `Trying again in ${seconds} s.` : 'Trying again …'}
      </p>
      <button type="button" disabled={seconds === 0} onClick={() => tasks.start()}>
        Connect now
      </button>
    </section>
  )
}
