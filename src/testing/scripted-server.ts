import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecureServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'

/** A request as it arrived, its body read to the end. */
export interface SeenRequest {
  method: string
  path: string
  query: URLSearchParams
  headers: IncomingHttpHeaders
  body: Buffer
  /** Whether a TLS client certificate came that the server trusts. */
  clientTrusted: boolean
}

/** What is answered; `reset` ends the connection instead. */
export type ScriptedAnswer =
  | {
      status: number
      headers?: Record<string, string | string[]>
      body?: string | Uint8Array
      resetAfterBody?: boolean
    }
  | 'reset'
  | 'silence'

/** A server on 127.0.0.1 whose every answer is the test's. */
export interface ScriptedServer {
  /** `127.0.0.1:port`. */
  readonly host: string
  readonly port: number
  readonly url: string
  /** All requests so far, in order of arrival. */
  readonly seen: SeenRequest[]
  /** `METHOD path` of all requests so far. */
  lines(): string[]
  /** How many connections were made so far. */
  accepted(): number
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts a server that answers by `script`. With `tls` it speaks HTTPS. */
export async function startScriptedServer(
  script: (
    request: SeenRequest,
    server: ScriptedServer,
  ) => ScriptedAnswer | Promise<ScriptedAnswer>,
  tls?: ServerOptions,
): Promise<ScriptedServer> {
  const seen: SeenRequest[] = []

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', 'http://scripted.invalid')
    const pieces: Buffer[] = []
    for await (const piece of incoming) pieces.push(piece as Buffer)
    const { socket } = incoming
    const request: SeenRequest = {
      method: incoming.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: incoming.headers,
      body: Buffer.concat(pieces),
      clientTrusted: 'authorized' in socket && socket.authorized === true,
    }
    seen.push(request)
    const answer = await script(request, scripted)
    if (answer === 'silence') return
    if (answer === 'reset') {
      socket.resetAndDestroy()
      return
    }
    const body = Buffer.from(answer.body ?? '')
    const headers = { 'content-length': String(body.length), ...answer.headers }
    response.writeHead(answer.status, headers)
    if (answer.resetAfterBody === true) {
      response.write(body, () => socket.resetAndDestroy())
      return
    }
    response.end(request.method === 'HEAD' || answer.status === 204 ? undefined : body)
  }

  // A request whose connection breaks is over; the test sees it in what the client does next.
  const handle = (incoming: IncomingMessage, response: ServerResponse) => {
    serve(incoming, response).catch(() => incoming.socket.destroy())
  }
  const server = tls === undefined ? createServer(handle) : createSecureServer(tls, handle)
  let accepted = 0
  server.on('connection', () => accepted++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  const scripted: ScriptedServer = {
    host: `127.0.0.1:${port}`,
    port,
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    seen,
    accepted: () => accepted,
    lines: () => seen.map((request) => `${request.method} ${request.path}`),
    close,
    [Symbol.asyncDispose]: close,
  }
  return scripted
}
