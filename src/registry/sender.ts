import { AccelError } from '../errors/accel-error.ts'
import type { Side } from '../errors/row.ts'
import type { Log } from '../log/log.ts'
import type { ByteSource } from '../streams/byte-source.ts'
import type { Connections } from './connection.ts'
import { exchange, single, type Incoming, type Outgoing } from '../network/exchange.ts'
import { createGate } from '../network/gate.ts'
import type { Host } from './host.ts'
import { redactUrl } from '../network/redact.ts'
import { isRedirect, judgeRedirect, MAX_REDIRECTS } from './redirect.ts'
import type { Scope } from './scope.ts'

/** One request to a registry. */
export interface RegistryRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** At the registry's origin: path with query; or a URL made by `uploadLocation`. */
  target: string | URL
  /** The image, blob or upload it is about, with its repository; for messages. */
  what: string
  side?: Side | undefined
  scopes: Scope[]
  /** `account`: with user and password and no token, as an API beside the registry's own wants it. @default 'registry' */
  login?: 'registry' | 'account'
  headers?: Record<string, string>
  /** Sent anew from the beginning when the registry asks for another login. */
  body?: { size: number; open: () => Uint8Array | ByteSource }
  /** Statuses that the caller deals with; any other becomes an error. */
  expect: readonly number[]
  /** Which of the host's places it takes. @default 'other' */
  lane?: 'pull' | 'push' | 'other'
  /** Whether this layer tries again; false where the caller knows better how to go on. @default true */
  retry?: boolean
  signal?: AbortSignal | undefined
}

/** An answer of the registry, or of the storage it redirected to. */
export interface RegistryAnswerHead extends Incoming {
  /** Where it came from. */
  url: URL
}

/** Sends requests to one registry, each in its place, and follows redirects. It knows no login and tries once. */
export interface Sender {
  /** The answer, whatever its status. `authorization` goes to the registry's own origin alone. Throws REGISTRY_REDIRECT_REFUSED, ABORTED, and what the connection throws. */
  send(request: RegistryRequest, authorization: string | undefined): Promise<RegistryAnswerHead>
}

/** Settings of `createSender`. */
export interface SenderInit {
  userAgent: string
  headersMs: number
  uploadHeadersMs: number
  stallMs: number
}

export function createSender(
  components: { connections: Connections; log: Log },
  host: Host,
  init: SenderInit,
): Sender {
  const { connections, log } = components
  const places = host.init.maxConnections ?? 8
  const gates = { pull: createGate(places), push: createGate(places), other: createGate(places) }

  async function send(
    request: RegistryRequest,
    authorization: string | undefined,
  ): Promise<RegistryAnswerHead> {
    const { method, what, side } = request
    let url = new URL(request.target, host.origin)
    for (let hops = 0; ; hops++) {
      const own = url.origin === host.origin
      const answer = await gated(request, url, own ? authorization : undefined)
      if (!isRedirect(answer.status) || request.expect.includes(answer.status))
        return { ...answer, url }
      await answer.discard()
      const refuse = (to: string, problem: string) => {
        throw new AccelError('REGISTRY_REDIRECT_REFUSED', {
          what,
          side,
          from: redactUrl(url),
          to,
          problem,
        })
      }
      const hop = judgeRedirect(host, url, single(answer.headers['location']))
      if ('refused' in hop) return refuse(hop.shown, hop.refused)
      if (method !== 'GET' && method !== 'HEAD') {
        return refuse(redactUrl(hop.url), `a ${method} is not sent on; configure the host it names`)
      }
      if (hops === MAX_REDIRECTS)
        return refuse(redactUrl(hop.url), `that is the ${hops + 1}th redirect`)
      log.debug('registry redirect', { host: host.name, what, to: redactUrl(hop.url) })
      url = hop.url
    }
  }

  async function gated(
    request: RegistryRequest,
    url: URL,
    authorization: string | undefined,
  ): Promise<Incoming> {
    const leave = await gates[request.lane ?? 'other'].enter(request.signal, request.what)
    try {
      const answer = await exchange(
        url.origin === host.origin ? connections.own : connections.foreign,
        outgoing(request, url, authorization),
      )
      return releasing(answer, leave)
    } catch (error) {
      leave()
      throw error
    }
  }

  function outgoing(
    request: RegistryRequest,
    url: URL,
    authorization: string | undefined,
  ): Outgoing {
    const { method, body } = request
    const writes = method !== 'GET' && method !== 'HEAD'
    return {
      method,
      url,
      headers: {
        'user-agent': init.userAgent,
        'accept-encoding': 'identity',
        ...request.headers,
        ...(authorization === undefined ? {} : { authorization }),
        ...(writes && method !== 'DELETE' ? { 'content-length': String(body?.size ?? 0) } : {}),
      },
      body: body?.open(),
      headersTimeoutMs: writes ? init.uploadHeadersMs : init.headersMs,
      stallTimeoutMs: init.stallMs,
      signal: request.signal,
      what: request.what,
    }
  }

  return { send }
}

/** Gives the place back when the answer has been read, given up, or has failed. */
function releasing(answer: Incoming, leave: () => void): Incoming {
  const { status, headers } = answer
  async function* body(): AsyncGenerator<Uint8Array> {
    try {
      yield* answer.body
    } finally {
      leave()
    }
  }
  return {
    status,
    headers,
    body: body(),
    async discard() {
      try {
        await answer.discard()
      } finally {
        leave()
      }
    },
  }
}
