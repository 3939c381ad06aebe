import { useLiveTasks, useNow } from './dashboard-context.ts'

/** Whether what is shown is of now. */
export function ConnectionLight() {
  const { connection } = useLiveTasks()
  const now = useNow(1000)
  switch (connection.state) {
    case 'live':
      return <span class="light live">Live</span>
    case 'connecting':
      return <span class="light connecting">Connecting …</span>
    case 'refused':
      return <span class="light lost">Not signed in</span>
    case 'lost': {
      const seconds = Math.max(1, Math.ceil((connection.again - now) / 1000))
      return (
        <span class="light lost" title={connection.problem}>
          Connection lost, trying again in {seconds} s
        </span>
      )
    }
  }
}
