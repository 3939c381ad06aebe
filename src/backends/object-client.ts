import type { Dispatcher } from 'undici'
import { AccelError, isAccelError } from '../errors/accel-error.ts'
import type { StoreAnswer } from '../errors/catalogue/backend.ts'
import { abortError, throwIfAborted } from '../network/abort.ts'
import type { Clock } from '../network/clock.ts'
import { connectionFailure } from '../network/connection-error.ts'
import { oneLine, readErrorText } from '../network/error-text.ts'
import { exchange, single, type Headers } from '../network/exchange.ts'
import { redactUrl } from '../network/redact.ts'
import {
  createRetries,
  isRetryableStatus,
  parseRetryAfter,
  type RetryInit,
} from '../network/retry.ts'
import type { ObjectDialect, UnsignedRequest } from './object-dialect.ts'
import { elementText } from './store-xml.ts'

/** One request about an object. */
export interface ObjectRequest {
  method: UnsignedRequest['method']
  key: string
  query?: Readonly<Record<string, string>>
  headers?: Readonly<Record<string, string>>
  /** Must not change before the answer is there; sent anew with each attempt. */
  body?: Uint8Array
  /** Statuses that the caller deals with; any other becomes an error. */
  expect: readonly number[]
  /** Names the blob in messages. */
  what: string
  signal?: AbortSignal | undefined
  /** Whether it is tried again. @default true */
  retry?: boolean
}

/** An answer with an expected status. */
export interface ObjectAnswer {
  status: number
  headers: Headers
  /** The body, at most 16 KiB. */
  text: string
}

/** Sends signed requests to one bucket. */
export interface ObjectClient {
  /** Throws BACKEND_…, ABORTED. */
  send(request: ObjectRequest): Promise<ObjectAnswer>
  /** The error for an answer that has an expected status and makes no sense. */
  invalid(request: ObjectRequest, answer: ObjectAnswer, problem: string): AccelError
}

/** Collaborators of `createObjectClient`. */
export interface ObjectClientComponents {
  dialect: ObjectDialect
  dispatcher: Dispatcher
  clock: Clock
}

/** Settings of `createObjectClient`. */
export interface ObjectClientInit {
  userAgent: string
  retry: RetryInit
}

/** Putting the parts of a large object together can take the store minutes. */
const HEADERS_TIMEOUT_MS = 900_000
const STALL_TIMEOUT_MS = 60_000

/** What a store says in an answer that can be another one when asked again, whatever its status. */
const PASSING_CODES = ['RequestTimeout', 'InternalError', 'SlowDown', 'ServiceUnavailable']

export function createObjectClient(
  components: ObjectClientComponents,
  init: ObjectClientInit,
): ObjectClient {
  const { dialect, dispatcher, clock } = components

  async function send(request: ObjectRequest): Promise<ObjectAnswer> {
    const { signal, what } = request
    const once = request.retry === false ? { attempts: 1 } : {}
    const retries = createRetries(clock, { ...init.retry, ...once })
    for (;;) {
      throwIfAborted(signal, what)
      let failure: AccelError
      let waitMs: number | undefined
      try {
        const answer = await sendOnce(request)
        const refused = refusal(request, answer)
        if (refused === undefined) return answer
        failure = refused
        waitMs = parseRetryAfter(single(answer.headers['retry-after']), clock.now())
      } catch (error) {
        failure = broken(request, error, retries.attempts)
      }
      if (failure.retry === 'never') throw failure
      if (!(await pause(() => retries.again(waitMs, signal), request))) throw failure
    }
  }

  async function sendOnce(request: ObjectRequest): Promise<ObjectAnswer> {
    const { method, body, signal, what } = request
    const url = urlOf(request)
    const headers = {
      'user-agent': init.userAgent,
      ...(body === undefined ? {} : { 'content-length': String(body.length) }),
      ...request.headers,
    }
    const answer = await exchange(dispatcher, {
      method,
      url,
      headers: await dialect.sign({ method, url, headers, body }, new Date(clock.now())),
      body,
      headersTimeoutMs: HEADERS_TIMEOUT_MS,
      stallTimeoutMs: STALL_TIMEOUT_MS,
      signal,
      what,
    })
    const text = await readErrorText(answer)
    return { status: answer.status, headers: answer.headers, text }
  }

  function urlOf({ key, query = {} }: ObjectRequest): URL {
    const url = dialect.url(key)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    return url
  }

  /** The error that an answer stands for, or undefined where it is one that was expected. */
  function refusal(request: ObjectRequest, answer: ObjectAnswer): AccelError | undefined {
    const { status, text } = answer
    // Putting parts together is answered before it is done; what goes wrong then is in the body of a 200.
    const failedInside = status === 200 && /<Error[\s>]/.test(text)
    if (request.expect.includes(status) && !failedInside) return undefined
    const context = contextOf(request, answer)
    if (status === 401 || status === 403) return new AccelError('BACKEND_DENIED', context)
    const passing =
      isRetryableStatus(status) || failedInside || PASSING_CODES.includes(context.code)
    return new AccelError(passing ? 'BACKEND_UNAVAILABLE' : 'BACKEND_REFUSED', context)
  }

  function contextOf(request: ObjectRequest, { status, headers, text }: ObjectAnswer): StoreAnswer {
    const region = single(headers['x-amz-bucket-region'])
    const home = region === undefined ? '' : ` (the bucket is in ${oneLine(region)})`
    return {
      what: request.what,
      method: request.method,
      url: redactUrl(urlOf(request)),
      status,
      code: oneLine(elementText(text, 'Code') ?? ''),
      message: oneLine(elementText(text, 'Message') ?? '') + home,
    }
  }

  /** The error for what a request threw. */
  function broken(request: ObjectRequest, error: unknown, attempts: number): AccelError {
    const { signal, what } = request
    if (isAccelError(error)) throw error
    if (signal?.aborted === true) throw abortError(signal, what)
    const failure = connectionFailure(error)
    if (failure === undefined) throw error
    const { host } = new URL(dialect.origin)
    const { kind, problem } = failure
    return kind === 'tls'
      ? new AccelError('BACKEND_TLS', { what, host, problem }, { cause: error })
      : new AccelError('BACKEND_UNREACHABLE', { what, host, problem, attempts }, { cause: error })
  }

  async function pause<T>(wait: () => Promise<T>, { signal, what }: ObjectRequest): Promise<T> {
    try {
      return await wait()
    } catch (error) {
      if (signal?.aborted === true) throw abortError(signal, what)
      throw error
    }
  }

  return {
    send,
    invalid: (request, answer, problem) =>
      new AccelError('BACKEND_ANSWER_INVALID', { ...contextOf(request, answer), problem }),
  }
}
