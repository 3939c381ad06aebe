import { LIVE_PATH, METRICS_PATH, READY_PATH } from '../api/contract.ts'
import { operations } from '../api/operations.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { accessLog, observed, type Access } from './access.ts'
import { PAGE_PATHS } from './dashboard/page-files.ts'
import { createApp, type AppComponents } from './app.ts'
import { TaskFeed, type TaskFeedInit } from './events/task-feed.ts'
import { listen, type HttpServer, type TlsFollowing } from './server.ts'
import type { TaskQueue } from '../tasks/queue.ts'

/** What the HTTP service is made of. */
export interface HttpServiceComponents extends Omit<AppComponents, 'feed'> {
  queue: AppComponents['queue'] & Pick<TaskQueue, 'subscribe'>
  /** Also counts the requests. */
  metrics: Metrics
}

/** Starts the API, with access lines and metrics. Throws HTTP_LISTEN_FAILED, CONFIG_UNREADABLE. */
export async function startHttpService(
  components: HttpServiceComponents,
  init: { feed?: TaskFeedInit; tls?: Omit<TlsFollowing, 'log'> } = {},
): Promise<HttpServer> {
  const { config, log, metrics, queue } = components
  const { name } = config.server
  const feed = new TaskFeed(queue, init.feed)
  const app = createApp({ ...components, feed })
  const handler = observed(
    (request, bindings) => app.fetch(request, bindings),
    [...Object.values(operations).map(({ path }) => path), ...PAGE_PATHS],
    [
      accessLog(log.child({ module: 'api' }), [METRICS_PATH, LIVE_PATH, READY_PATH]),
      countedBy(metrics),
    ],
  )
  const server = await listen(handler, config.server, { log, ...init.tls })
  log.info(`[${name}] HTTP server started on ${server.address}`)
  return {
    ...server,
    async stop(stopInit) {
      log.info(`[${name}] gracefully shutting down http server...`)
      feed.close()
      await server.stop(stopInit)
    },
  }
}

function countedBy(metrics: Metrics): (access: Access) => void {
  return (access) => {
    // as in upstream, the scrape itself is not counted
    if (access.route === METRICS_PATH) return
    metrics.requestAnswered({
      status: access.status,
      method: access.method,
      host: access.host,
      route: access.route,
      seconds: access.milliseconds / 1000,
      requestSize: access.requestSize,
      responseSize: access.bytesOut,
    })
  }
}
