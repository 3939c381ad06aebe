import { Hono, type Context } from 'hono'
import {
  CONVERSIONS_PATH,
  HEALTH_PATH,
  METRICS_PATH,
  OK,
  REGISTRY_PARAMETER,
  SYNC_PARAMETER,
  UNTAGGED_PARAMETER,
} from '../api/contract.ts'
import type { Config } from '../config/schema.ts'
import { AccelError, isAccelError } from '../errors/accel-error.ts'
import { errorText, type Log } from '../log/log.ts'
import type { Redaction } from '../log/redaction.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { isHost } from '../oci/reference.ts'
import type { Submitted, TaskQueue } from '../tasks/queue.ts'
import type { TaskOrder } from '../tasks/task.ts'
import { createGuard, type Grant, type Guard } from './authorization.ts'
import { addressOf, type ConnectionBindings } from './connection.ts'
import { failureReply, jsonReply, textReply } from './reply.ts'
import { readBody } from './request-body.ts'
import type { PushedResource, PushEvent } from './webhook/event.ts'
import { planPush, referenceOf } from './webhook/push-plan.ts'
import { readWebhookEvent } from './webhook/read-event.ts'
import { statusOf, wireTask } from './wire-task.ts'

/** What the API works with. */
export interface AppComponents {
  config: Config
  queue: Pick<TaskQueue, 'submitAll' | 'list'>
  log: Log
  redaction: Pick<Redaction, 'apply'>
  /** Throws when the service cannot do its work; the message is shown. */
  health(): Promise<void>
  /** Served as `/metrics` where `metric.enabled` says so. */
  metrics: Pick<Metrics, 'render'>
}

type Bindings = { Bindings: ConnectionBindings }

/** The HTTP API: every route and every answer. Errors become answers here and nowhere else. */
export function createApp(components: AppComponents): Hono<Bindings> {
  const { config, log, redaction, metrics } = components
  const routes = new Routes(components)
  const app = new Hono<Bindings>()
  // Hono answers HEAD with what answers GET; upstream has no HEAD
  app.use(async (c, next) => (c.req.raw.method === 'HEAD' ? noRoute(c, redaction) : next()))
  app.post(CONVERSIONS_PATH, (c) => routes.create(c))
  app.get(CONVERSIONS_PATH, (c) => routes.list(c))
  app.get(HEALTH_PATH, () => routes.health())
  if (config.metric.enabled) {
    app.get(METRICS_PATH, async () => {
      const { text, type } = await metrics.render()
      return textReply(text, 200, type)
    })
  }
  app.notFound((c) => noRoute(c, redaction))
  app.onError((error) => {
    if (isAccelError(error)) return failureReply(error, redaction)
    log.error('a request met a defect of the program', { error, stack: error.stack })
    return textReply('', 500)
  })
  return app
}

function noRoute(c: Context<Bindings>, redaction: Pick<Redaction, 'apply'>): Response {
  const { method, path } = c.req
  return failureReply(new AccelError('HTTP_NO_ROUTE', { method, path }), redaction)
}

class Routes {
  readonly #parts: AppComponents
  readonly #guard: Guard
  readonly #log: Log

  constructor(components: AppComponents) {
    this.#parts = components
    this.#guard = createGuard(components.config)
    this.#log = components.log.child({ module: 'api' })
  }

  /** POST /api/v1/conversions: takes an event, and with `sync=true` answers when what it asks for has ended. */
  async create(c: Context<Bindings>): Promise<Response> {
    this.#log.info(`received webhook request from ${addressOf(c.env).text}`)
    try {
      const sync = flagOf(c, SYNC_PARAMETER)
      const untagged = flagOf(c, UNTAGGED_PARAMETER)
      const named = registryOf(c)
      const grant = this.#grant(c)
      const { headers } = c.req.raw
      const body = await readBody(c.req.raw)
      const event = readWebhookEvent({ headers, body }, { named, spokenFor: grant.registry })
      if (event.kind === 'other') {
        this.#log.warn(`unsupported payload type ${event.type.slice(0, 64)}, nothing is converted`)
        return jsonReply(OK)
      }
      const submitted = await this.#submit(this.#usable(event, grant), untagged)
      return sync ? await this.#ended(submitted) : jsonReply(OK)
    } catch (error) {
      this.#logRefusal(error)
      throw error
    }
  }

  /** GET /api/v1/conversions: the tasks of the registries that the caller may use. */
  list(c: Context<Bindings>): Response {
    const grant = this.#grant(c)
    grant.requireAny()
    const { tasks } = this.#parts.queue.list()
    const visible = tasks.filter((task) => grant.allows(task.host))
    return jsonReply(visible.map(wireTask))
  }

  /** GET /api/v1/health */
  async health(): Promise<Response> {
    try {
      await this.#parts.health()
      return textReply(OK)
    } catch (cause) {
      this.#log.error('unhealthy', { error: cause })
      throw new AccelError('HTTP_UNHEALTHY', { problem: errorText(cause) }, { cause })
    }
  }

  #grant(c: Context<Bindings>): Grant {
    return this.#guard.grant({
      authorization: c.req.header('authorization'),
      local: c.env.local,
    })
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

  async #submit(resources: readonly PushedResource[], untagged: boolean): Promise<Submitted[]> {
    const orders: TaskOrder[] = []
    for (const resource of resources) {
      const plan = planPush(this.#parts.config, resource, { untagged })
      if ('orders' in plan) orders.push(...plan.orders)
      else this.#log.info(`${resource.url} is not converted: ${plan.skipped}`)
    }
    const submitted = await this.#parts.queue.submitAll(orders)
    for (const { joined, task } of submitted) {
      if (joined) this.#log.info(`${task.source} is being converted already`)
    }
    return submitted
  }

  /** The answer to a synchronous request: all have ended, whatever became of the first. */
  async #ended(submitted: readonly Submitted[]): Promise<Response> {
    const tasks = await Promise.all(submitted.map((one) => one.done))
    const failed = tasks.filter((task) => statusOf(task.state) !== 'COMPLETED')
    if (failed.length === 0) return jsonReply(OK)
    const message = failed.map((task) => task.reason).join('; ')
    return jsonReply({ code: 'ERR_CONVERT_FAILED', message }, 500)
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

/** Words for true and false, as Go's strconv.ParseBool has them; empty, as `sync=$unset` sends it, is false. */
const booleans = new Map<string, boolean>([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((word) => [word, true] as const),
  ...['', '0', 'f', 'F', 'false', 'FALSE', 'False'].map((word) => [word, false] as const),
])

function flagOf(c: Context<Bindings>, name: string): boolean {
  const value = c.req.query(name) ?? ''
  const flag = booleans.get(value)
  if (flag === undefined) {
    throw new AccelError('HTTP_QUERY_INVALID', { name, value, expected: 'true or false' })
  }
  return flag
}

function registryOf(c: Context<Bindings>): string | undefined {
  const value = c.req.query(REGISTRY_PARAMETER)
  if (value === undefined || isHost(value)) return value
  const expected = 'a host with an optional port'
  throw new AccelError('HTTP_QUERY_INVALID', { name: REGISTRY_PARAMETER, value, expected })
}
