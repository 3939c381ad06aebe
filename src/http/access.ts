import type { Log } from '../log/log.ts'
import { formatDuration } from '../log/duration.ts'
import { addressOf, type ConnectionBindings } from './connection.ts'

/** One answered request, for the access line and the metrics. */
export interface Access {
  method: string
  /** As requested, with its query. */
  uri: string
  /** The path of the route that answered, `{id}` for what varies; `*` where there is none. */
  route: string
  /** The `Host` header. */
  host: string
  status: number
  milliseconds: number
  /** Body as declared by the client, and as answered. */
  bytesIn: number
  bytesOut: number
  /** Head and body of the request, about. */
  requestSize: number
  connection: ConnectionBindings
}

export type Handler = (
  request: Request,
  bindings: ConnectionBindings,
) => Response | Promise<Response>

/** Passes requests to `handler` and tells `listeners` what became of each. `routes` are paths, with `{id}` for one part that varies. */
export function observed(
  handler: Handler,
  routes: readonly string[],
  listeners: readonly ((access: Access) => void)[],
): Handler {
  const forms = [...new Set(routes)].map((route) => ({ route, form: formOf(route) }))
  return async (request, bindings) => {
    const started = performance.now()
    const response = await handler(request, bindings)
    const { incoming } = bindings
    const uri = incoming.url ?? ''
    const path = uri.split('?')[0] ?? ''
    const bytesIn = Number(incoming.headers['content-length'] ?? 0)
    const access: Access = {
      method: incoming.method ?? '',
      uri,
      route: forms.find(({ form }) => form.test(path))?.route ?? '*',
      host: incoming.headers.host ?? '',
      status: response.status,
      milliseconds: performance.now() - started,
      bytesIn,
      bytesOut: Number(response.headers.get('content-length') ?? 0),
      requestSize: uri.length + incoming.rawHeaders.join('').length + bytesIn,
      connection: bindings,
    }
    for (const listener of listeners) listener(access)
    return response
  }
}

function formOf(route: string): RegExp {
  const literal = route.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
  return new RegExp(`^${literal.replace(String.raw`\{id\}`, '[^/]+')}$`)
}

/** Longest URI that an access line shows whole. */
const MAX_URI = 512

/** The access line: `POST /api/v1/conversions 200 552.695µs 392>5bytes 192.168.1.1`. */
export function accessLog(log: Log, silentRoutes: readonly string[]): (access: Access) => void {
  return (access) => {
    if (silentRoutes.includes(access.route)) return
    const { method, uri, status, milliseconds, bytesIn, bytesOut, connection } = access
    const latency = formatDuration(milliseconds)
    const shown = uri.length > MAX_URI ? `${uri.slice(0, MAX_URI)}…` : uri
    const { ip } = addressOf(connection)
    log.info(`${method} ${shown} ${status} ${latency} ${bytesIn}>${bytesOut}bytes ${ip}`)
  }
}
