import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Service } from '../model/service.ts'
import { ConnectionLight } from './connection-light.tsx'
import { DashboardContext, useLiveTasks } from './dashboard-context.ts'
import { LiveTasks } from './live-tasks.ts'
import { Overview } from './overview.tsx'
import { useRoute } from './route.ts'
import { storedToken, storeToken } from './session.ts'
import { SignIn } from './sign-in.tsx'
import { TaskPage } from './task-page.tsx'

/** The whole page. */
export function App() {
  const dashboard = useMemo(() => {
    const service = new Service({ base: document.baseURI, token: storedToken })
    return { service, tasks: new LiveTasks(service) }
  }, [])
  useEffect(() => dashboard.tasks.start(), [dashboard])
  return (
    <DashboardContext.Provider value={dashboard}>
      <Frame />
    </DashboardContext.Provider>
  )
}

function Frame() {
  const tasks = useLiveTasks()
  const [token, setToken] = useState(storedToken)
  const enter = (next: string): void => {
    storeToken(next)
    setToken(next)
    tasks.start()
  }
  const refused = tasks.connection.state === 'refused'
  return (
    <>
      <a class="skip" href="#main" onClick={toMain}>
        Skip to the content
      </a>
      <header class="bar">
        <a class="brand" href="#/">
          <img src="dashboard.svg" alt="" width="24" height="24" /> acceld
        </a>
        <ConnectionLight />
        {token !== '' && !refused && (
          <button type="button" class="quiet" onClick={() => enter('')}>
            Forget token
          </button>
        )}
      </header>
      <main id="main" tabIndex={-1}>
        {refused ? <SignIn wrong={token !== ''} onToken={enter} /> : <Page />}
      </main>
      <p class="unseen" role="status" aria-live="polite">
        {tasks.news}
      </p>
    </>
  )
}

/** A link to `#main` would be taken for an address of a page. */
function toMain(event: Event): void {
  event.preventDefault()
  document.getElementById('main')?.focus()
}

function Page() {
  const route = useRoute()
  const first = useRef(true)
  useEffect(() => {
    if (!first.current) document.getElementById('main')?.focus({ preventScroll: true })
    if (!first.current) scrollTo(0, 0)
    first.current = false
  }, [route])
  return route.page === 'task' ? <TaskPage key={route.id} id={route.id} /> : <Overview />
}
