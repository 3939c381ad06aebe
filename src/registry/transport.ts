import { AccelError } from '../errors/accel-error.ts'
import type { Diagnostic } from '../errors/catalogue/registry.ts'
import { abortError, throwIfAborted, untilAborted } from '../network/abort.ts'
import { answerError, readDiagnostics } from './answer-error.ts'
import { createAuthorizer, type Authorizer, type Login, type Step } from './authorizer.ts'
import { parseChallenges } from './challenge.ts'
import type { Clock } from '../network/clock.ts'
import { connectionFailure } from '../network/connection-error.ts'
import { createConnections } from './connection.ts'
import { single } from '../network/exchange.ts'
import type { Host } from './host.ts'
import type { Log } from '../log/log.ts'
import type { Redaction } from '../log/redaction.ts'
import { createScrubber, redactUrl } from '../network/redact.ts'
import {
  createRetries,
  isAwayStatus,
  isRetryableStatus,
  parseRetryAfter,
  type RetryInit,
} from '../network/retry.ts'
import { createSender, type RegistryAnswerHead, type RegistryRequest } from './sender.ts'
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

/** Requests to one registry: logged in, redirected, limited in number, tried again. */
export interface Transport {
  readonly host: Host
  /** What is known of the login. */
  readonly login: Pick<Authorizer, 'account' | 'scheme' | 'granted'>
  /** Sends `request` and returns an answer with an expected status. Throws REGISTRY_…, ABORTED. */
  send(request: RegistryRequest): Promise<RegistryAnswerHead>
  /** Closes the connections; requests that run end in an error. */
  close(): Promise<void>
}

/** Collaborators of `createTransport`. */
export interface TransportComponents {
  log: Log
  redaction: Pick<Redaction, 'add'>
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
  const { log, redaction, clock } = components
  const {
    connectMs = 15_000,
    headersMs = 60_000,
    uploadHeadersMs = 900_000,
    stallMs = 60_000,
  } = init.times
  const connections = createConnections(host, connectMs)
  const scrubber = createScrubber()
  const { userAgent } = init
  const sender = createSender({ connections, log }, host, {
    userAgent,
    headersMs,
    uploadHeadersMs,
    stallMs,
  })
  const ask = createTokenAsker({ connections, clock }, host, {
    userAgent,
    headersMs,
    stallMs,
    retry: init.retry,
  })
  const authorizer = createAuthorizer({ ask, clock, scrubber, redaction }, host)
  /** It has answered something: where it does not any more, it may come back. */
  let answered = false
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
      let away = true
      try {
        const answer = await sendOnce(request)
        away = isAwayStatus(answer.status)
        answered ||= !away
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
        if (broken === undefined) {
          const stopped = signal?.aborted === true && !(error instanceof AccelError)
          throw stopped ? abortError(signal, what) : error
        }
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
      const patient = away && answered && request.retry !== false
      if (!(await pauseFor(() => retries.again(waitMs, signal, patient), request))) throw failure
    }
  }

  /** With its login: at most four exchanges, see `authorizer.ts`. */
  async function sendOnce(request: RegistryRequest): Promise<RegistryAnswerHead> {
    const { what, signal } = request
    const carriesBlob = request.lane === 'push'
    const login =
      request.login === 'account'
        ? authorizer.withAccount()
        : authorizer.begin(request.scopes, { minLifeMs: carriesBlob ? UPLOAD_TOKEN_LIFE_MS : 0 })
    let header = await headerFrom(login.first(), request, [])
    for (;;) {
      const answer = await sender.send(request, header)
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

  return { host, login: authorizer, send, close: () => connections.close() }
}
