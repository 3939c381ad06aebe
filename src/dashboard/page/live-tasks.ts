import type { WireTaskDetail } from '../../api/contract.ts'
import { followAllTasks, type ConnectionState } from '../model/live-events.ts'
import { ServiceError, type Service } from '../model/service.ts'
import { activeOf, isOpen, TaskBook, type KnownTask } from '../model/task-book.ts'

/** Tasks of the first look: enough for the plots. */
const FIRST_LIST = 1000

/** Milliseconds until a list that failed is asked for again. */
const LIST_AGAIN_MS = 5_000

/** Least milliseconds between two tasks that are told of as ended. */
const TELL_MS = 2_000

/** The tasks as they are now. Whoever listens is told of changes, once a frame at most. */
export class LiveTasks {
  readonly book = new TaskBook()
  /** What a screen reader is told: the last thing of note that happened. */
  news = ''
  connection: ConnectionState = { state: 'connecting' }
  /** When it was lost, milliseconds since 1970; undefined while what is shown is of now. */
  lostAt: number | undefined
  /** The first list is there. */
  loaded = false
  /** When the oldest task was asked for from which on all are known, RFC 3339; empty where all are. */
  reach = ''
  readonly #service: Service
  readonly #listeners = new Set<() => void>()
  #stop = new AbortController()
  #told = false
  #ended = ''
  #telling = false

  constructor(service: Service) {
    this.#service = service
  }

  /** Begins to follow the service, or does so anew. */
  start(): void {
    this.#stop.abort()
    this.#stop = new AbortController()
    const { signal } = this.#stop
    void followAllTasks({
      service: this.#service,
      signal,
      onState: (state) => this.#setConnection(state),
      onGap: () => void this.#list(signal),
      onTask: (task) => {
        this.#tell(task)
        this.book.put(task)
        this.#changed()
      },
      onProgress: ({ id, ...progress }) => {
        this.book.progress(id, progress, performance.now())
        this.#changed()
      },
    })
  }

  /** Calls `listener` on changes until the answer is called. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Takes down what an answer about one task says, and where it stands if no event has told that yet. */
  put(task: WireTaskDetail): void {
    const { id, progress, layers = [] } = task
    this.book.put(task)
    if (progress !== undefined && this.book.progressOf(id) === undefined) {
      this.book.progress(id, { ...progress, active: activeOf(layers) }, performance.now())
    }
    this.#changed()
  }

  /** Tells those who listen, and cannot see it, what has happened. */
  say(news: string): void {
    this.news = news
    this.#changed()
  }

  remove(id: string): void {
    this.book.remove(id)
    this.#changed()
  }

  /** Fetches a page of tasks into the book; answers how far the list is complete now. */
  async fetchPage(
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<{ oldest: string; next: string | undefined }> {
    const { tasks, next } = await this.#service.list(query, signal)
    this.book.endList(tasks, { whole: false })
    this.#changed()
    return { oldest: next === undefined ? '' : (tasks.at(-1)?.created ?? ''), next }
  }

  async #list(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    this.book.beginList()
    try {
      const [open, newest] = await Promise.all([
        this.#service.list({ status: 'waiting,running', limit: String(FIRST_LIST) }, signal),
        this.#service.list({ limit: String(FIRST_LIST) }, signal),
      ])
      const tasks = [...newest.tasks, ...open.tasks]
      this.book.endList(tasks, { whole: open.next === undefined })
      this.loaded = true
      this.reach = newest.next === undefined ? '' : (newest.tasks.at(-1)?.created ?? '')
      this.#changed()
      const running = open.tasks.filter(({ state }) => state === 'running')
      await Promise.all(running.map(({ id }) => this.#lookAt(id, signal)))
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof ServiceError && error.unauthorized) {
        this.#stop.abort()
        this.#setConnection({ state: 'refused', problem: error.message, code: error.code })
      } else setTimeout(() => void this.#list(signal), LIST_AGAIN_MS)
    }
  }

  /** Fetches what a list does not tell of a running task: where it stands. Events that came meanwhile are newer. */
  async #lookAt(id: string, signal: AbortSignal): Promise<void> {
    // one that is gone by now is told of by the next event
    const task = await this.#service.task(id, signal).catch(() => undefined)
    if (task === undefined) return
    if (this.book.get(id)?.state === 'running' && this.book.progressOf(id) === undefined) {
      this.put(task)
    }
  }

  #setConnection(connection: ConnectionState): void {
    if (connection.state === 'live') {
      if (this.lostAt !== undefined) this.news = 'Connected again'
      this.lostAt = undefined
    }
    if (connection.state === 'lost' && this.lostAt === undefined) {
      this.news = 'The connection to acceld is lost'
      this.lostAt = Date.now()
    }
    if (connection.state === 'refused') this.lostAt = undefined
    this.connection = connection
    this.#changed()
  }

  /** Tells of a task that has ended; of many that end together the last is told of: nobody can listen to all. */
  #tell({ id, state, source, reason }: KnownTask): void {
    const before = this.book.get(id)?.state
    if (before === state || isOpen(state)) return
    this.#ended = `${source}: ${state}${reason === '' ? '' : `, ${reason}`}`
    if (this.#telling) return
    this.#telling = true
    setTimeout(() => {
      this.#telling = false
      this.say(this.#ended)
    }, TELL_MS)
  }

  #changed(): void {
    if (this.#told) return
    this.#told = true
    requestAnimationFrame(() => {
      this.#told = false
      for (const listener of this.#listeners) listener()
    })
  }
}
