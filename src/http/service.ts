import { CONVERSIONS_PATH, HEALTH_PATH, METRICS_PATH } from '../api/contract.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { accessLog, observed, type Access } from './access.ts'
import { createApp, type AppComponents } from './app.ts'
import { listen, type HttpServer } from './server.ts'

/** What the HTTP service is made of. */
export interface HttpServiceComponents extends AppComponents {
  /** Also counts the requests. */
  metrics: Metrics
}

/** Starts the API, with access lines and metrics. Throws HTTP_LISTEN_FAILED, CONFIG_UNREADABLE. */
export async function startHttpService(components: HttpServiceComponents): Promise<HttpServer> {
  const { config, log, metrics } = components
  const { name } = config.server
  const app = createApp(components)
  const handler = observed(
    (request, bindings) => app.fetch(request, bindings),
    [CONVERSIONS_PATH, HEALTH_PATH, METRICS_PATH],
    [accessLog(log.child({ module: 'api' }), [METRICS_PATH]), countedBy(metrics)],
  )
  const server = await listen(handler, config.server)
  log.info(`[${name}] HTTP server started on ${server.address}`)
  return {
    ...server,
    async stop(init) {
      log.info(`[${name}] gracefully shutting down http server...`)
      await server.stop(init)
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
