import { AccelError } from '../errors/accel-error.ts'
import { answerError } from './answer-error.ts'
import type { Clock } from '../network/clock.ts'
import { connectionFailure } from '../network/connection-error.ts'
import type { Connections } from './connection.ts'
import { exchange, single } from '../network/exchange.ts'
import type { Host } from './host.ts'
import { redactUrl } from '../network/redact.ts'
import {
  createRetries,
  isAwayStatus,
  isRetryableStatus,
  parseRetryAfter,
  type RetryInit,
} from '../network/retry.ts'
import type { AskTokenService } from './token.ts'

/** The answer of a token service is read up to this size. */
const MAX_ANSWER = 256 * 1024

type Call = Parameters<AskTokenService>
type Answer = Awaited<ReturnType<AskTokenService>>

/**
 * Asks token services on behalf of `host`, and again when they are busy or cannot be reached. Redirects are not followed:
 * the request carries credentials. Throws REGISTRY_UNREACHABLE, REGISTRY_TLS, REGISTRY_UNAVAILABLE, REGISTRY_RATE_LIMITED.
 */
export function createTokenAsker(
  components: { connections: Connections; clock: Clock },
  host: Host,
  init: { userAgent: string; headersMs: number; stallMs: number; retry: RetryInit },
): AskTokenService {
  const { connections, clock } = components
  const what = `the token service of ${host.name}`

  async function askOnce([service, { method, url, headers, body }]: Call): Promise<Answer> {
    const answer = await exchange(service.own ? connections.own : connections.foreign, {
      method,
      url,
      headers: {
        'user-agent': init.userAgent,
        accept: 'application/json',
        'accept-encoding': 'identity',
        ...headers,
      },
      body,
      headersTimeoutMs: init.headersMs,
      stallTimeoutMs: init.stallMs,
      what,
    })
    const pieces: Uint8Array[] = []
    let size = 0
    for await (const chunk of answer.body) {
      size += chunk.length
      if (size > MAX_ANSWER) break
      pieces.push(chunk)
    }
    const text = Buffer.concat(pieces).toString('utf8')
    return { status: answer.status, headers: answer.headers, text }
  }

  function connectionError(error: unknown, place: string, attempts: number): AccelError {
    const failure = connectionFailure(error)
    if (failure === undefined) throw error
    const { problem } = failure
    const cause = { cause: error }
    if (failure.kind === 'tls')
      throw new AccelError('REGISTRY_TLS', { what, host: place, problem }, cause)
    return new AccelError('REGISTRY_UNREACHABLE', { what, host: place, problem, attempts }, cause)
  }

  /** Those that have answered something, by host: where they do not any more, they may come back. */
  const answered = new Set<string>()

  return async (...call) => {
    const { method, url } = call[1]
    const retries = createRetries(clock, init.retry)
    for (;;) {
      let waitMs: number | undefined
      let failure: AccelError
      let away = true
      try {
        const answer = await askOnce(call)
        away = isAwayStatus(answer.status)
        if (!away) answered.add(url.host)
        if (!isRetryableStatus(answer.status)) return answer
        waitMs = parseRetryAfter(single(answer.headers['retry-after']), clock.now())
        const asked = { what, side: undefined, method, url: redactUrl(url) }
        failure = answerError(asked, answer.status, [], waitMs)
      } catch (error) {
        failure = connectionError(error, url.host, retries.attempts)
      }
      const patient = away && answered.has(url.host)
      if (!(await retries.again(waitMs, undefined, patient))) throw failure
    }
  }
}
