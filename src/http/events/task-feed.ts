import { randomBytes } from 'node:crypto'
import { encodeEvent } from '../../api/sse.ts'
import type { WireEvents } from '../../api/contract.ts'
import { AccelError } from '../../errors/accel-error.ts'
import type { TaskQueue } from '../../tasks/queue.ts'
import { isFinished, type Task } from '../../tasks/task.ts'
import {
  activeLayers,
  wireProgress,
  wireRecord,
  wireTaskDetail,
  wireTaskWithLayers,
} from '../wire-task.ts'
import { EventStream } from './event-stream.ts'

export interface TaskFeedInit {
  /** Milliseconds between two signs of life. @default 15,000 */
  heartbeatMs?: number
  /** Milliseconds between two events that tell of the progress of one task. @default 250 */
  progressMs?: number
  /** Changes of tasks that a client who comes back can catch up on. @default 1,000 */
  keep?: number
  /** Streams at once; more are refused. @default 256 */
  maxStreams?: number
}

/** A client of a stream. */
export interface Follower {
  /** As the client sent it: the last event that it has seen. */
  lastEventId: string | undefined
  /** Ends its connection. */
  cutOff(): void
}

/** What listens to the feed: one stream. */
interface Listener {
  stream: EventStream
  task(task: Task, event: string): void
  progress(task: Task, event: string): void
}

/** A change of a task that was told. */
interface Told {
  number: number
  task: Task
  event: string
}

/**
 * Tells of tasks as server-sent events. Holds the last `keep` changes, and for each stream what EventStream says.
 *
 * The id of an event of `all` is `<run>-<number>`: the run of the service, and the number of the change in that run. The
 * id of an event of `one` is the number of the record in the task's stored history, which outlives the service.
 */
export class TaskFeed {
  readonly #queue: Pick<TaskQueue, 'subscribe' | 'get' | 'events'>
  readonly #init: Required<TaskFeedInit>
  readonly #run = randomBytes(6).toString('hex')
  readonly #listeners = new Set<Listener>()
  readonly #told: Told[] = []
  #number = 0
  readonly #progress = new Map<string, Task>()
  #progressTimer: NodeJS.Timeout | undefined
  readonly #unsubscribe: () => void
  #closed = false

  constructor(queue: Pick<TaskQueue, 'subscribe' | 'get' | 'events'>, init: TaskFeedInit = {}) {
    this.#queue = queue
    this.#init = { heartbeatMs: 15_000, progressMs: 250, keep: 1000, maxStreams: 256, ...init }
    this.#unsubscribe = queue.subscribe((event) => {
      if (event.type === 'progress') this.#noteProgress(event.task)
      else this.#tell(event.task)
    })
  }

  /** Every change of the tasks that `visible` lets through, from the last that the client has seen. Throws HTTP_STREAMS_FULL. */
  all({ lastEventId, cutOff }: Follower, visible: (task: Task) => boolean): Response {
    const listener = this.#listen(cutOff, (stream) => ({
      stream,
      task: (task, event) => {
        stream.dropLatest(task.id)
        if (visible(task)) stream.send(event)
      },
      progress: (task, event) => {
        if (visible(task)) stream.sendLatest(task.id, event)
      },
    }))
    const missed = this.#missed(lastEventId)
    if (missed === undefined) listener.stream.send(eventOf('reset', {}))
    for (const { task, event } of missed ?? []) listener.task(task, event)
    return answer(listener.stream)
  }

  /**
   * The history of one task behind what the client has seen, the task as it is, and what becomes of it; ends when the
   * task has. A client that has seen that is answered 204, which ends its coming back.
   * Throws TASK_NOT_FOUND, HTTP_STREAMS_FULL.
   */
  one({ lastEventId, cutOff }: Follower, id: string): Response {
    const task = this.#queue.get(id)
    let seen = Number(/^\d{1,6}$/.exec(lastEventId ?? '')?.[0] ?? 0)
    if (isFinished(task) && seen >= this.#queue.events(id).length) {
      return new Response(null, { status: 204 })
    }
    const catchUp = (stream: EventStream): void => {
      for (const record of this.#queue.events(id).slice(seen)) {
        seen += 1
        stream.send(eventOf('record', wireRecord(record), String(seen)))
      }
    }
    const tell = (stream: EventStream, now: Task): void => {
      stream.dropLatest(id)
      catchUp(stream)
      stream.send(eventOf('task', wireTaskWithLayers(now)))
      if (isFinished(now)) stream.end()
    }
    const listener = this.#listen(cutOff, (stream) => ({
      stream,
      task: (now) => {
        if (now.id === id) tell(stream, now)
      },
      progress: (now, event) => {
        if (now.id !== id) return
        catchUp(stream)
        stream.sendLatest(id, event)
      },
    }))
    tell(listener.stream, task)
    return answer(listener.stream)
  }

  /** Ends every stream; clients come back when the service does. */
  close(): void {
    this.#closed = true
    this.#unsubscribe()
    clearTimeout(this.#progressTimer)
    for (const { stream } of this.#listeners) stream.end()
  }

  #listen(cutOff: () => void, make: (stream: EventStream) => Listener): Listener {
    const { maxStreams, heartbeatMs } = this.#init
    if (this.#closed || this.#listeners.size >= maxStreams) {
      throw new AccelError('HTTP_STREAMS_FULL', { streams: this.#listeners.size })
    }
    const stream = new EventStream({
      heartbeatMs,
      cutOff,
      onEnd: () => this.#listeners.delete(listener),
    })
    const listener = make(stream)
    this.#listeners.add(listener)
    // how long a client waits before it comes back
    stream.send('retry: 2000\n\n')
    return listener
  }

  /** What was told since; undefined where that is not known any more. A client that has seen nothing missed nothing. */
  #missed(lastEventId: string | undefined): Told[] | undefined {
    if (lastEventId === undefined || lastEventId === '') return []
    const [, run, text] = /^([0-9a-f]+)-(\d{1,15})$/.exec(lastEventId) ?? []
    const number = Number(text)
    const oldest = this.#number - this.#told.length
    if (run !== this.#run || number < oldest || number > this.#number) return undefined
    return this.#told.slice(number - oldest)
  }

  #tell(task: Task): void {
    this.#progress.delete(task.id)
    this.#number += 1
    const event = eventOf('task', wireTaskDetail(task), `${this.#run}-${this.#number}`)
    this.#told.push({ number: this.#number, task, event })
    if (this.#told.length > this.#init.keep) this.#told.shift()
    for (const listener of this.#listeners) listener.task(task, event)
  }

  #noteProgress(task: Task): void {
    this.#progress.set(task.id, task)
    this.#progressTimer ??= setTimeout(() => this.#tellProgress(), this.#init.progressMs).unref()
  }

  #tellProgress(): void {
    this.#progressTimer = undefined
    for (const task of this.#progress.values()) {
      const { id, progress } = task
      if (progress === undefined) continue
      const active = activeLayers(progress)
      const event = eventOf('progress', { id, ...wireProgress(progress), active })
      for (const listener of this.#listeners) listener.progress(task, event)
    }
    this.#progress.clear()
  }
}

function eventOf<Name extends keyof WireEvents>(
  name: Name,
  data: WireEvents[Name],
  id?: string,
): string {
  return encodeEvent({ name, data: JSON.stringify(data), ...(id === undefined ? {} : { id }) })
}

function answer(stream: EventStream): Response {
  return new Response(stream.body(), {
    headers: {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      // nginx would hold events back otherwise
      'x-accel-buffering': 'no',
    },
  })
}
