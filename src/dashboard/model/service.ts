import {
  CONVERSIONS_PATH,
  EVENTS_PATH,
  READY_PATH,
  STATUS_PATH,
  type WireFailure,
  type WireReadiness,
  type WireRecord,
  type WireStatus,
  type WireTask,
  type WireTaskDetail,
} from '../../api/contract.ts'

/** An answer that is not what was asked for. */
export class ServiceError extends Error {
  /** Of the answer; 0 where there was none. */
  readonly status: number
  /** See docs/errors.md; empty where somebody else answered. */
  readonly code: string

  constructor(message: string, { status, code = '' }: { status: number; code?: string }) {
    super(message)
    this.status = status
    this.code = code
  }

  /** The caller has to say who it is, or said it wrongly; or the page has a name that the service does not know. */
  get unauthorized(): boolean {
    return this.status === 401 || this.code === 'HTTP_NAME_REFUSED'
  }
}

export interface ServiceInit {
  /** Where the page is; the API is beside it, also behind a proxy that puts a path before both. */
  base: string
  /** What is sent as `Authorization`, to the letter; empty for nothing. */
  token(): string
  /** @default the global one */
  fetch?: typeof fetch
}

/** One page of a list; `next` leads to the one behind it. */
export interface TaskPage {
  tasks: WireTask[]
  next: string | undefined
}

/** What the page asks of the API. Everything throws ServiceError, and what `signal` says. */
export class Service {
  readonly #init: ServiceInit

  constructor(init: ServiceInit) {
    this.#init = init
  }

  /** Tasks, the newest first, restricted by `query` as docs/http-api.md says. */
  async list(query: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<TaskPage> {
    const answer = await this.#ask(`${CONVERSIONS_PATH}?${String(new URLSearchParams(query))}`, {
      signal,
    })
    const next = /[?&]cursor=([^&>]+)/.exec(answer.headers.get('link') ?? '')?.[1]
    return { tasks: (await answer.json()) as WireTask[], next }
  }

  async task(id: string, signal?: AbortSignal): Promise<WireTaskDetail> {
    return (await (await this.#ask(pathOf(id), { signal })).json()) as WireTaskDetail
  }

  async records(id: string, signal?: AbortSignal): Promise<WireRecord[]> {
    return (await (await this.#ask(pathOf(id, '/events'), { signal })).json()) as WireRecord[]
  }

  async act(id: string, action: 'cancel' | 'retry'): Promise<WireTaskDetail> {
    const answer = await this.#ask(pathOf(id, `/${action}`), { method: 'POST' })
    return (await answer.json()) as WireTaskDetail
  }

  async delete(id: string): Promise<void> {
    await this.#ask(pathOf(id), { method: 'DELETE' })
  }

  async status(signal?: AbortSignal): Promise<WireStatus> {
    return (await (await this.#ask(STATUS_PATH, { signal })).json()) as WireStatus
  }

  /** Whether orders can be taken; a service that says that it cannot has answered all the same. */
  async readiness(signal?: AbortSignal): Promise<WireReadiness> {
    return (await (await this.#ask(READY_PATH, { signal, also: 503 })).json()) as WireReadiness
  }

  /** Everything that happens to tasks, behind the event `after`, as text in pieces. */
  async events(after: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const headers: Record<string, string> = { accept: 'text/event-stream' }
    if (after !== '') headers['last-event-id'] = after
    const { body } = await this.#ask(EVENTS_PATH, { signal, headers })
    if (body === null) throw new ServiceError('the stream of events is empty', { status: 0 })
    return body
  }

  async #ask(
    path: string,
    init: {
      method?: string
      headers?: Record<string, string>
      signal?: AbortSignal | undefined
      /** A status that is an answer, too. */
      also?: number
    },
  ): Promise<Response> {
    const { method = 'GET', headers = {}, signal, also } = init
    const { base, token, fetch: send = fetch } = this.#init
    const authorization = token()
    const answer = await send(new URL(path.slice(1), base), {
      method,
      headers: authorization === '' ? headers : { ...headers, authorization },
      cache: 'no-store',
      ...(signal === undefined ? {} : { signal }),
    }).catch((cause: unknown) => {
      if (signal?.aborted) throw signal.reason
      throw new ServiceError(`acceld cannot be reached: ${String(cause)}`, { status: 0 })
    })
    if (answer.ok || answer.status === also) return answer
    throw await failureOf(answer)
  }
}

function pathOf(id: string, rest = ''): string {
  return `${CONVERSIONS_PATH}/${encodeURIComponent(id)}${rest}`
}

async function failureOf(answer: Response): Promise<ServiceError> {
  const { status } = answer
  const text = await answer.text().catch(() => '')
  try {
    const { code, message } = JSON.parse(text) as WireFailure
    return new ServiceError(message, { status, code })
  } catch {
    return new ServiceError(`something else than acceld answered ${status}`, { status })
  }
}
