import { AccelError } from '../errors/accel-error.ts'
import type { Diagnostic } from '../errors/catalogue/registry.ts'
import type { Side } from '../errors/row.ts'
import type { ByteSource } from '../streams/byte-source.ts'
import { abortError, throwIfAborted, untilAborted } from './abort.ts'
import { answerError, readDiagnostics } from './answer-error.ts'
import { createAuthorizer, type Login, type Step } from './authorizer.ts'
import { parseChallenges } from './challenge.ts'
import type { Clock } from './clock.ts'
import { connectionFailure } from './connection-error.ts'
import { createConnections } from './connection.ts'
import { exchange, single, type Incoming, type Outgoing } from './exchange.ts'
import { createGate } from './gate.ts'
import type { Host } from './host.ts'
import type { RegistryLog } from './log.ts'
import { createScrubber, redactUrl } from './redact.ts'
import { isRedirect, judgeRedirect, MAX_REDIRECTS } from './redirect.ts'
import { createRetries, isRetryableStatus, parseRetryAfter, type RetryInit } from './retry.ts'
import type { Scope } from './scope.ts'
import { createTokenAsker } from './token-service.ts'

/** Time limits in milliseconds. */
export interface TimesInit {
  /** For a connection, TLS included. @default 15_000 */
  connectMs?: number
  /** For the head of an answer. @default 60_000 */
  headersMs?: number
  /** For the head of the answer to an upload: closing a large one can take minutes on object storage. @default 900_000 */
  uploadHeadersMs?: number
  /** Without a byte moving. @default 60_000 */
  stallMs?: number
}

/** One request to a registry. */
export interface RegistryRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** At the registry's origin: path with query; or a URL made by `uploadLocation`. */
  target: string | URL
  /** The image, blob or upload it is about, with its repository; for messages. */
  what: string
  side?: Side | undefined
  scopes: Scope[]
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

/** Requests to one registry: logged in, redirected, limited in number, tried again. */
export interface Transport {
  readonly host: Host
  /** Sends `request` and returns an answer with an expected status. Throws REGISTRY_…, ABORTED. */
  send(request: RegistryRequest): Promise<RegistryAnswerHead>
  /** Closes the connections; requests that run end in an error. */
  close(): Promise<void>
}

/** Collaborators of `createTransport`. */
export interface TransportComponents {
  log: RegistryLog
  clock: Clock
}

/** Settings of `createTransport`. */
export interface TransportInit {
  userAgent: string
  times: TimesInit
  retry: RetryInit
}

/** A long upload begins with a token that lives at least this long. */
const UPLOAD_TOKEN_LIFE_MS = 5 * 60_000

export function createTransport(
  components: TransportComponents,
  host: Host,
  init: TransportInit,
): Transport {
  const { log, clock } = components
  const {
    connectMs = 15_000,
    headersMs = 60_000,
    uploadHeadersMs = 900_000,
    stallMs = 60_000,
  } = init.times
  const connections = createConnections(host, connectMs)
  const scrubber = createScrubber()
  const places = host.init.maxConnections ?? 8
  const gates = { pull: createGate(places), push: createGate(places), other: createGate(places) }
  const ask = createTokenAsker({ connections, clock }, host, {
    userAgent: init.userAgent,
    headersMs,
    stallMs,
    retry: init.retry,
  })
  const authorizer = createAuthorizer({ ask, clock, scrubber }, host)
  /** Until then the registry wants no request, by its Retry-After. */
  let pausedUntil = 0

  async function send(request: RegistryRequest): Promise<RegistryAnswerHead> {
    const retries = createRetries(
      clock,
      request.retry === false ? { ...init.retry, attempts: 1 } : init.retry,
    )
    const { what, side, signal } = request
    for (;;) {
      await respectPause(request)
      let problem: string
      let waitMs: number | undefined
      let failure: AccelError
      try {
        const answer = await sendOnce(request)
        if (request.expect.includes(answer.status)) return answer
        waitMs = parseRetryAfter(single(answer.headers['retry-after']), clock.now())
        const diagnostics = await diagnosticsOf(answer)
        const error = refusal(request, answer, diagnostics, waitMs)
        if (!isRetryableStatus(answer.status)) throw error
        if (answer.status === 429 && waitMs !== undefined) {
          pausedUntil = Math.max(
            pausedUntil,
            clock.now() + Math.min(waitMs, init.retry.maxRetryAfterMs ?? 300_000),
          )
        }
        problem = String(answer.status)
        failure = error
      } catch (error) {
        const broken = error instanceof AccelError ? undefined : connectionFailure(error)
        if (broken === undefined) throw error
        if (broken.kind === 'tls') {
          throw new AccelError(
            'REGISTRY_TLS',
            { what, side, host: host.name, problem: broken.problem },
            { cause: error },
          )
        }
        problem = broken.problem
        failure = new AccelError(
          'REGISTRY_UNREACHABLE',
          { what, side, host: host.name, problem, attempts: retries.attempts },
          { cause: error },
        )
      }
      log.debug('registry request failed', {
        host: host.name,
        what,
        method: request.method,
        problem,
        attempt: retries.attempts,
      })
      if (!(await pauseFor(() => retries.again(waitMs, signal), request))) throw failure
    }
  }

  /** With its login: at most four exchanges, see `authorizer.ts`. */
  async function sendOnce(request: RegistryRequest): Promise<RegistryAnswerHead> {
    const { what, signal } = request
    const carriesBlob = request.lane === 'push'
    const login = authorizer.begin(request.scopes, {
      minLifeMs: carriesBlob ? UPLOAD_TOKEN_LIFE_MS : 0,
    })
    let header = await headerFrom(login.first(), request, [])
    for (;;) {
      const answer = await follow(request, header)
      if (answer.status !== 401 || answer.url.origin !== host.origin) return answer
      const challenges = parseChallenges(answer.headers['www-authenticate'])
      const diagnostics = await diagnosticsOf(answer)
      throwIfAborted(signal, what)
      header = await headerFrom(login.next(challenges), request, diagnostics)
    }
  }

  async function headerFrom(
    step: ReturnType<Login['first']>,
    request: RegistryRequest,
    diagnostics: Diagnostic[],
  ): Promise<string | undefined> {
    const { what, side } = request
    const next: Step = await untilAborted(step, request.signal, what)
    if ('header' in next) return next.header
    if ('realm' in next) {
      const { realm, refused: problem } = next
      throw new AccelError('REGISTRY_TOKEN_REALM_REFUSED', {
        what,
        side,
        host: host.name,
        realm,
        problem,
      })
    }
    throw new AccelError('REGISTRY_AUTH', {
      what,
      side,
      host: host.name,
      problem: next.refused,
      diagnostics,
    })
  }

  /** With its redirects. Authorization goes to the registry's own origin alone. */
  async function follow(
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
      headersTimeoutMs: writes ? uploadHeadersMs : headersMs,
      stallTimeoutMs: stallMs,
      signal: request.signal,
      what: request.what,
    }
  }

  function refusal(
    request: RegistryRequest,
    answer: RegistryAnswerHead,
    diagnostics: Diagnostic[],
    retryAfterMs: number | undefined,
  ): AccelError {
    const { what, side, method } = request
    return answerError(
      { what, side, method, url: redactUrl(answer.url) },
      answer.status,
      diagnostics,
      retryAfterMs,
    )
  }

  async function diagnosticsOf(answer: RegistryAnswerHead): Promise<Diagnostic[]> {
    if (answer.url.origin === host.origin) return readDiagnostics(answer, scrubber)
    // What another host says is not shown: it may be one that only we can reach.
    await answer.discard()
    return []
  }

  async function respectPause(request: RegistryRequest): Promise<void> {
    throwIfAborted(request.signal, request.what)
    const ms = pausedUntil - clock.now()
    if (ms > 0) await pauseFor(() => clock.sleep(ms, request.signal), request)
  }

  async function pauseFor<T>(pause: () => Promise<T>, request: RegistryRequest): Promise<T> {
    try {
      return await pause()
    } catch (error) {
      if (request.signal?.aborted === true) throw abortError(request.signal, request.what)
      throw error
    }
  }

  return { host, send, close: () => connections.close() }
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
