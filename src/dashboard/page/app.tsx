import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Service } from '../model/service.ts'
import { ConnectionBanner, ConnectionLight } from './connection.tsx'
import { DashboardContext, NOWHERE, useLiveTasks } from './dashboard-context.ts'
import { Footer } from './footer.tsx'
import { FIRST_ROWS } from './history.tsx'
import { LiveTasks } from './live-tasks.ts'
import { Overview } from './overview.tsx'
import { taskHref, taskLeft, useRoute } from './route.ts'
import { storedToken, storeToken } from './session.ts'
import { SignIn } from './sign-in.tsx'
import { TaskPage } from './task-page.tsx'

/** The whole page. */
export function App() {
  const dashboard = useMemo(() => {
    const service = new Service({ base: document.baseURI, token: storedToken })
    return {
      service,
      tasks: new LiveTasks(service),
      list: { shown: FIRST_ROWS, age: { within: '', since: '' }, query: '', reach: NOWHERE },
    }
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
  const { connection } = tasks
  const enter = (next: string): void => {
    storeToken(next)
    setToken(next)
    tasks.start()
  }
  const refused = connection.state === 'refused'
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
            Sign out
          </button>
        )}
      </header>
      <ConnectionBanner />
      <main id="main" tabIndex={-1} class={connection.state === 'lost' ? 'stale' : ''}>
        {refused ? <SignIn problem={problemOf(connection, token)} onToken={enter} /> : <Page />}
      </main>
      <Footer />
      <p class="unseen" role="status" aria-live="polite">
        {tasks.news}
      </p>
    </>
  )
}

/** What is wrong with a token, or with a page without one; empty where there is none yet. */
function problemOf({ code, problem }: { code: string; problem: string }, token: string): string {
  if (code === 'HTTP_NAME_REFUSED') return problem
  return token === '' ? '' : 'acceld does not take this token.'
}

/** A link to `#main` would be taken for an address of a page. */
function toMain(event: Event): void {
  event.preventDefault()
  document.getElementById('main')?.focus()
}

function Page() {
  const route = useRoute()
  const id = route.page === 'task' ? route.id : ''
  const first = useRef(true)
  useEffect(() => {
    if (first.current) first.current = false
    else if (id === '') comeBackTo(taskLeft())
    else {
      document.getElementById('main')?.focus({ preventScroll: true })
      scrollTo(0, 0)
    }
  }, [id])
  return route.page === 'task' ? (
    <TaskPage key={route.id} id={route.id} />
  ) : (
    <Overview filter={route.filter} />
  )
}

/** Whoever comes back from a task goes on where it stands in the list. */
function comeBackTo(id: string): void {
  const link = document.querySelector<HTMLElement>(`main a[href="${CSS.escape(taskHref(id))}"]`)
  const place = link ?? document.getElementById('main')
  place?.focus({ preventScroll: link === null })
  if (link === null) scrollTo(0, 0)
  else link.scrollIntoView({ block: 'center' })
}
