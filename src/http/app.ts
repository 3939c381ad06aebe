import { Hono, type Context } from 'hono'
import { OK } from '../api/contract.ts'
import { openApiDocument } from '../api/openapi.ts'
import { operations, type OperationId } from '../api/operations.ts'
import type { Config } from '../config/schema.ts'
import { programVersion } from '../config/version.ts'
import { AccelError, isAccelError } from '../errors/accel-error.ts'
import { errorText, type Log } from '../log/log.ts'
import type { Redaction } from '../log/redaction.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { TaskQueue } from '../tasks/queue.ts'
import { createGuard, type Grant } from './authorization.ts'
import type { Bindings } from './connection.ts'
import { PAGE_PATHS, PageFiles } from './dashboard/page-files.ts'
import type { TaskFeed } from './events/task-feed.ts'
import { failureReply, jsonReply, textReply } from './reply.ts'
import { CreateRoute } from './routes/create.ts'
import { OperationRoutes, type OperationParts } from './routes/operation.ts'
import { TaskRoutes } from './routes/tasks.ts'

/** What the API works with. */
export interface AppComponents extends OperationParts {
  config: Config
  queue: Pick<TaskQueue, 'submitAll' | 'list' | 'get' | 'events' | 'cancel' | 'retry' | 'delete'>
  feed: TaskFeed
  log: Log
  redaction: Pick<Redaction, 'apply'>
  /** Throws when the service cannot do its work; the message is shown. */
  health(): Promise<void>
  /** Served as `/metrics` where `metric.enabled` says so. */
  metrics: Pick<Metrics, 'render'>
  /** Folder of the dashboard's files. @default where they are in a checkout and in the package */
  dashboard?: string
}

/** Answers one operation. */
type Route = (c: Context<Bindings>, grant: Grant) => Response | Promise<Response>

/** The HTTP API, every operation of the table, and the dashboard's files. Errors become answers here and nowhere else. */
export function createApp(components: AppComponents): Hono<Bindings> {
  const { config, redaction } = components
  const guard = createGuard(config)
  const log = components.log.child({ module: 'api' })
  const routes = routesOf(components, log)
  const pages = new PageFiles(components.dashboard)
  const app = new Hono<Bindings>()
  // Hono answers HEAD with what answers GET; upstream has no HEAD
  app.use(async (c, next) => (c.req.raw.method === 'HEAD' ? noRoute(c, redaction) : next()))
  for (const [id, { method, path }] of Object.entries(operations)) {
    const route = routes[id as OperationId]
    app.on(method, path.replace('{id}', ':id'), (c) => {
      const authorization = c.req.header('authorization')
      const host = c.req.header('host')
      return route(c, guard.grant({ authorization, host, local: c.env.local }))
    })
  }
  for (const path of PAGE_PATHS) {
    app.get(path, (c) =>
      pages.answer(path, {
        ifNoneMatch: c.req.header('if-none-match'),
        acceptEncoding: c.req.header('accept-encoding'),
      }),
    )
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

function routesOf(components: AppComponents, log: Log): Record<OperationId, Route> {
  const { config, queue, feed, metrics, redaction } = components
  const create = new CreateRoute(components, log)
  const tasks = new TaskRoutes(queue, feed)
  const operation = new OperationRoutes(components)
  return {
    createConversions: (c, grant) => create.answer(c, grant),
    listConversions: (c, grant) => tasks.list(c, grant),
    getConversion: (c, grant) => tasks.get(c, grant),
    getConversionEvents: (c, grant) => tasks.events(c, grant),
    cancelConversion: (c, grant) => tasks.cancel(c, grant),
    retryConversion: (c, grant) => tasks.retry(c, grant),
    deleteConversion: (c, grant) => tasks.delete(c, grant),
    streamEvents: (c, grant) => tasks.stream(c, grant),
    async health() {
      try {
        await components.health()
        return textReply(OK)
      } catch (cause) {
        log.error('unhealthy', { error: cause })
        throw new AccelError('HTTP_UNHEALTHY', { problem: errorText(cause) }, { cause })
      }
    },
    live: () => operation.live(),
    ready: () => operation.ready(),
    status: (c, grant) => operation.status(c, grant),
    startBackfill: (c, grant) => operation.startBackfill(c, grant),
    getBackfill: (c, grant) => operation.backfill(c, grant),
    async metrics(c) {
      if (!config.metric.enabled) return noRoute(c, redaction)
      const { text, type } = await metrics.render()
      return textReply(text, 200, type)
    },
    openapi: () => jsonReply(openApiDocument(programVersion().tag.slice(1))),
  }
}
