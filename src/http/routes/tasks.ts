import type { Context } from 'hono'
import { AccelError } from '../../errors/accel-error.ts'
import type { TaskQueue } from '../../tasks/queue.ts'
import type { Task } from '../../tasks/task.ts'
import type { Grant } from '../authorization.ts'
import type { Bindings } from '../connection.ts'
import type { TaskFeed } from '../events/task-feed.ts'
import { readListQuery } from '../list-query.ts'
import { emptyReply, jsonReply } from '../reply.ts'
import { wireRecord, wireTask, wireTaskDetail, wireTaskWithLayers } from '../wire-task.ts'

type Queue = Pick<TaskQueue, 'list' | 'get' | 'events' | 'cancel' | 'retry' | 'delete'>

/** What is asked of tasks. A caller sees, and may do something to, the tasks of the registries that it may use. */
export class TaskRoutes {
  readonly #queue: Queue
  readonly #feed: TaskFeed

  constructor(queue: Queue, feed: TaskFeed) {
    this.#queue = queue
    this.#feed = feed
  }

  /** GET /api/v1/conversions */
  list(c: Context<Bindings>, grant: Grant): Response {
    grant.requireAny()
    const { filter, registry } = readListQuery(c.req.query())
    const hosts = grant.registries(registry)
    if (hosts?.length === 0) return jsonReply([])
    const { tasks, next } = this.#queue.list(hosts === undefined ? filter : { ...filter, hosts })
    const answer = jsonReply(tasks.map(wireTask))
    if (next !== undefined) answer.headers.set('link', `<${pageUrl(c, next)}>; rel="next"`)
    return answer
  }

  /** GET /api/v1/conversions/{id} */
  get(c: Context<Bindings>, grant: Grant): Response {
    return jsonReply(wireTaskWithLayers(this.#task(c, grant)))
  }

  /** GET /api/v1/conversions/{id}/events */
  events(c: Context<Bindings>, grant: Grant): Response {
    const { id } = this.#task(c, grant)
    const wanted = c.req.header('accept') ?? ''
    return wanted.includes('text/event-stream')
      ? this.#feed.one(followerOf(c), id)
      : jsonReply(this.#queue.events(id).map(wireRecord))
  }

  /** POST /api/v1/conversions/{id}/cancel */
  async cancel(c: Context<Bindings>, grant: Grant): Promise<Response> {
    return jsonReply(wireTaskDetail(await this.#queue.cancel(this.#task(c, grant).id)))
  }

  /** POST /api/v1/conversions/{id}/retry */
  async retry(c: Context<Bindings>, grant: Grant): Promise<Response> {
    return jsonReply(wireTaskDetail(await this.#queue.retry(this.#task(c, grant).id)))
  }

  /** DELETE /api/v1/conversions/{id} */
  async delete(c: Context<Bindings>, grant: Grant): Promise<Response> {
    await this.#queue.delete(this.#task(c, grant).id)
    return emptyReply()
  }

  /** GET /api/v1/events */
  stream(c: Context<Bindings>, grant: Grant): Response {
    grant.requireAny()
    return this.#feed.all(followerOf(c), (task) => grant.allows(task.host))
  }

  /** The task of the path. One that the caller may not see is not there. */
  #task(c: Context<Bindings>, grant: Grant): Task {
    grant.requireAny()
    const task = this.#queue.get(c.req.param('id') ?? '')
    if (grant.allows(task.host)) return task
    throw new AccelError('TASK_NOT_FOUND', { id: task.id })
  }
}

function followerOf(c: Context<Bindings>): { lastEventId: string | undefined; cutOff(): void } {
  return {
    lastEventId: c.req.header('last-event-id'),
    cutOff: () => void c.env.incoming.socket.destroy(),
  }
}

/** The page behind `cursor`, relative to the host, whatever proxies call it. */
function pageUrl(c: Context<Bindings>, cursor: string): string {
  const query = new URLSearchParams({ ...c.req.query(), cursor })
  return `${c.req.path}?${query.toString()}`
}
