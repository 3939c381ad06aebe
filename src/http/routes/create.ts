import type { Context } from 'hono'
import {
  OK,
  REGISTRY_PARAMETER,
  RESPOND_ASYNC,
  SYNC_PARAMETER,
  UNTAGGED_PARAMETER,
  type WireAccepted,
} from '../../api/contract.ts'
import type { Config } from '../../config/schema.ts'
import { AccelError, isAccelError } from '../../errors/accel-error.ts'
import type { Log } from '../../log/log.ts'
import { isHost } from '../../oci/reference.ts'
import type { Submitted, TaskQueue } from '../../tasks/queue.ts'
import type { TaskOrder } from '../../tasks/task.ts'
import type { Grant } from '../authorization.ts'
import { addressOf, type Bindings } from '../connection.ts'
import { jsonReply } from '../reply.ts'
import { readBody } from '../request-body.ts'
import type { PushedResource, PushEvent } from '../webhook/event.ts'
import { planPush, referenceOf } from '../webhook/push-plan.ts'
import { readWebhookEvent } from '../webhook/read-event.ts'
import { statusOf, wireTaskDetail } from '../wire-task.ts'
import { flagOf } from './query.ts'

/** What the route works with. */
export interface CreateComponents {
  config: Config
  queue: Pick<TaskQueue, 'submitAll'>
}

/** What became of a request: tasks, and images that are not converted. */
interface Taken {
  submitted: Submitted[]
  skipped: WireAccepted['skipped']
}

/** POST /api/v1/conversions: takes an event, and with `sync=true` answers when what it asks for has ended. */
export class CreateRoute {
  readonly #parts: CreateComponents
  readonly #log: Log

  constructor(components: CreateComponents, log: Log) {
    this.#parts = components
    this.#log = log
  }

  async answer(c: Context<Bindings>, grant: Grant): Promise<Response> {
    this.#log.info(`received webhook request from ${addressOf(c.env).text}`)
    try {
      const sync = flagOf(c, SYNC_PARAMETER)
      const untagged = flagOf(c, UNTAGGED_PARAMETER)
      const named = registryOf(c)
      const { headers } = c.req.raw
      const body = await readBody(c.req.raw)
      const event = readWebhookEvent({ headers, body }, { named, spokenFor: grant.registry })
      const told = prefersAsync(c)
      if (event.kind === 'other') {
        this.#log.warn(`unsupported payload type ${event.type.slice(0, 64)}, nothing is converted`)
        return told ? accepted({ submitted: [], skipped: [] }) : jsonReply(OK)
      }
      const taken = await this.#submit(this.#usable(event, grant), untagged)
      if (told) return accepted(taken)
      return sync ? await ended(taken.submitted) : jsonReply(OK)
    } catch (error) {
      this.#logRefusal(error)
      throw error
    }
  }

  /** What of the event the caller may have converted: all of it, or it is refused; of what was gathered, that which may be. */
  #usable(event: PushEvent, grant: Grant): PushedResource[] {
    if (event.gathered) grant.requireAny()
    return event.resources.filter((resource) => {
      try {
        grant.requireHost(referenceOf(resource).host)
        return true
      } catch (error) {
        if (!event.gathered) throw error
        this.#log.warn(`an event is passed over: ${resource.url.slice(0, 256)}`, { error })
        return false
      }
    })
  }

  async #submit(resources: readonly PushedResource[], untagged: boolean): Promise<Taken> {
    const orders: TaskOrder[] = []
    const skipped: Taken['skipped'] = []
    for (const resource of resources) {
      const plan = planPush(this.#parts.config, resource, { untagged })
      if ('orders' in plan) {
        orders.push(...plan.orders)
        continue
      }
      this.#log.info(`${resource.url} is not converted: ${plan.skipped}`)
      skipped.push({ image: resource.url, reason: plan.skipped })
    }
    const submitted = await this.#parts.queue.submitAll(orders)
    for (const { joined, task } of submitted) {
      if (joined) this.#log.info(`${task.source} is being converted already`)
    }
    return { submitted, skipped }
  }

  #logRefusal(error: unknown): void {
    if (isAccelError(error, 'HTTP_PAYLOAD_INVALID')) {
      this.#log.error('invalid webhook payload', { problem: error.context.problem })
    } else if (isAccelError(error, 'HTTP_RESOURCE_INVALID')) {
      const { resource, problem } = error.context
      this.#log.error(`failed to parse resource url ${resource.slice(0, 256)}`, { problem })
    } else if (isAccelError(error, 'HTTP_UNAUTHORIZED')) {
      const { host, problem } = error.context
      this.#log.warn(`failed to authenticate for host ${host}`, { problem, hint: error.hint })
    } else {
      this.#log.warn('request refused', { error })
    }
  }
}

function accepted({ submitted, skipped }: Taken): Response {
  const tasks = submitted.map(({ task, joined }) => ({
    ...wireTaskDetail(task),
    ...(joined ? { joined: true as const } : {}),
  }))
  const answer = jsonReply({ tasks, skipped } satisfies WireAccepted, 202)
  answer.headers.set('preference-applied', RESPOND_ASYNC)
  return answer
}

/** The answer to a synchronous request: all have ended, whatever became of the first. */
async function ended(submitted: readonly Submitted[]): Promise<Response> {
  const tasks = await Promise.all(submitted.map((one) => one.done))
  const failed = tasks.filter((task) => statusOf(task.state) !== 'COMPLETED')
  if (failed.length === 0) return jsonReply(OK)
  const message = failed.map((task) => task.reason).join('; ')
  return jsonReply({ code: 'ERR_CONVERT_FAILED', message }, 500)
}

function registryOf(c: Context<Bindings>): string | undefined {
  const value = c.req.query(REGISTRY_PARAMETER)
  if (value === undefined || isHost(value)) return value
  const expected = 'a host with an optional port'
  throw new AccelError('HTTP_QUERY_INVALID', { name: REGISTRY_PARAMETER, value, expected })
}

function prefersAsync(c: Context<Bindings>): boolean {
  const preferences = (c.req.header('prefer') ?? '').toLowerCase().split(/[,;]/)
  return preferences.some((preference) => preference.trim() === RESPOND_ASYNC)
}
