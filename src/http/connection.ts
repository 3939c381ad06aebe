import type { IncomingMessage } from 'node:http'

/** What the server hands to every request: the connection it came over. */
export interface ConnectionBindings {
  incoming: IncomingMessage
  /** It came over the Unix domain socket. */
  local: boolean
}

/** Where a request came from. */
export interface ClientAddress {
  /** `192.168.1.1`, `::1`, or `unix` for the Unix domain socket. */
  ip: string
  /** With the port: `192.168.1.1:46664`, `[::1]:46664`. */
  text: string
}

/** The other end of the connection itself; headers such as X-Forwarded-For are anybody's to write. */
export function addressOf({ incoming, local }: ConnectionBindings): ClientAddress {
  if (local) return { ip: 'unix', text: 'unix' }
  const { remoteAddress = '', remotePort = 0 } = incoming.socket
  const ip = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '')
  return { ip, text: `${ip.includes(':') ? `[${ip}]` : ip}:${remotePort}` }
}

/** How Hono is told of the bindings. */
export type Bindings = { Bindings: ConnectionBindings }
