import { lstat, unlink } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Config } from '../config/schema.ts'
import { AccelError } from '../errors/accel-error.ts'
import type { Log } from '../log/log.ts'
import type { Handler } from './access.ts'
import { followTlsFiles, readTlsIdentity } from './tls.ts'

/** A server that listens. */
export interface HttpServer {
  /** `host:port`, with the port that was really taken, or the path of the socket. */
  readonly address: string
  /** The port, where there is one. */
  readonly port: number | undefined
  /** Takes no new connection and closes idle ones; resolves when the last answer is sent, or after `deadlineMs` cuts it off. */
  stop(init: { deadlineMs: number }): Promise<void>
}

/**
 * How long a client may take, and how much it may hold, in milliseconds. A request is short, whatever the answer
 * takes: a synchronous one may wait for hours, and nothing here limits that.
 */
const clientLimits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16 * 1024,
  /** Of TLS. */
  handshakeTimeout: 10_000,
}

/** How the certificate's files are followed. */
export interface TlsFollowing {
  log: Log
  /** Milliseconds between two looks at them. @default 10,000 */
  everyMs?: number
}

/** Connections at once; more are dropped. */
const MAX_CONNECTIONS = 4096

/** Listens as `server` of the configuration says. Throws HTTP_LISTEN_FAILED, CONFIG_UNREADABLE. */
export async function listen(
  handler: Handler,
  config: Config['server'],
  following: TlsFollowing,
  init: Partial<typeof clientLimits> = {},
): Promise<HttpServer> {
  const limits = { ...clientLimits, ...init }
  const { uds, host, port } = config
  const listener = getRequestListener(
    (request, { incoming }) =>
      handler(request, { incoming: incoming as IncomingMessage, local: uds !== '' }),
    // a global Request and Response of its own would change those of the whole process
    { overrideGlobalObjects: false },
  )
  const identity = uds === '' ? readTlsIdentity(config.tls) : undefined
  const secure = identity && createTlsServer({ ...limits, ...identity })
  const server = secure ?? createServer(limits)
  const { log, everyMs = 10_000 } = following
  server.maxConnections = MAX_CONNECTIONS
  const answering = new Set<ServerResponse>()
  server.on('request', (incoming, outgoing) => {
    answering.add(outgoing)
    outgoing.once('close', () => answering.delete(outgoing))
    void listener(incoming, outgoing)
  })
  if (uds === '') {
    const name = host === '' ? '[::]' : host
    await listening(server, { port, ...(host === '' ? {} : { host }) }, `${name}:${port}`)
  } else {
    await removeStaleSocket(uds)
    await listening(server, { path: uds }, uds)
  }
  const unfollow = secure && followTlsFiles(secure, config.tls, { log, everyMs })
  const bound = server.address()
  const boundPort = typeof bound === 'object' && bound !== null ? bound.port : undefined
  return {
    address: boundPort === undefined ? uds : `${host}:${boundPort}`,
    port: boundPort,
    async stop({ deadlineMs }) {
      unfollow?.()
      await stop(server, answering, deadlineMs)
    },
  }
}

async function listening(
  server: Server,
  where: { port?: number; host?: string; path?: string },
  address: string,
): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(where, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (cause) {
    throw listenFailed(address, codeOf(cause), cause)
  }
}

async function stop(
  server: Server,
  answering: ReadonlySet<ServerResponse>,
  deadlineMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  // Node would keep these connections for another request that can no longer come
  for (const outgoing of answering) outgoing.shouldKeepAlive = false
  const timer = setTimeout(() => server.closeAllConnections(), deadlineMs)
  await closed
  clearTimeout(timer)
}

/** Removes a socket that nobody listens on any more; refuses to touch anything else. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw listenFailed(path, error.code ?? error.message, error)
  })
  if (found === undefined) return
  if (!found.isSocket()) throw listenFailed(path, 'there is a file that is not a socket')
  if (await answers(path)) throw listenFailed(path, 'EADDRINUSE')
  await unlink(path).catch((error: unknown) => {
    throw listenFailed(path, codeOf(error), error)
  })
}

/** Whether a process accepts connections on the socket `path`. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function listenFailed(address: string, problem: string, cause?: unknown): AccelError {
  return new AccelError('HTTP_LISTEN_FAILED', { address, problem }, { cause })
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}
