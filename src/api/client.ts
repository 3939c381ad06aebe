import { AccelError } from '../errors/accel-error.ts'
import {
  BACKFILL_PATH,
  CONVERSIONS_PATH,
  OK,
  PUSH_ARTIFACT,
  READY_PATH,
  RESPOND_ASYNC,
  STATUS_PATH,
  SYNC_PARAMETER,
  UNTAGGED_PARAMETER,
  type WireAccepted,
  type WireBackfill,
  type WireReadiness,
  type WireStatus,
  type WireRecord,
  type WireRequest,
  type WireTask,
  type WireTaskDetail,
} from './contract.ts'
import { followTask, type FollowInit, type TaskNews } from './follow-task.ts'
import { parseServiceAddress } from './service-address.ts'
import { askService, type Ask, type ExchangeInit, type ServiceAnswer } from './service-exchange.ts'

/** A client of the HTTP API. Throws HTTP_SERVICE_… for every answer that is not one of the service's own that it was asked for. */
export interface ServiceClient {
  /** Has an image converted, as upstream's accelctl asks for it; with `sync`, waits until it is. */
  createTask(
    source: string,
    init?: { sync?: boolean; untagged?: boolean; signal?: AbortSignal },
  ): Promise<void>
  /**
   * Has an image converted and tells what became of the request. Undefined from a service that does not tell, which is
   * upstream's: the image then is converted already where `sync` asks for it.
   */
  submitTask(
    source: string,
    init?: { sync?: boolean; untagged?: boolean; signal?: AbortSignal },
  ): Promise<WireAccepted | undefined>
  /** The tasks that the service knows, the newest first; `query` restricts them as `GET /api/v1/conversions` says. */
  listTasks(init?: {
    query?: Readonly<Record<string, string>>
    signal?: AbortSignal
  }): Promise<WireTask[]>
  getTask(id: string, init?: SignalInit): Promise<WireTaskDetail>
  /** What happened to a task, the oldest first. */
  taskHistory(id: string, init?: SignalInit): Promise<WireRecord[]>
  cancelTask(id: string, init?: SignalInit): Promise<WireTaskDetail>
  retryTask(id: string, init?: SignalInit): Promise<WireTaskDetail>
  deleteTask(id: string, init?: SignalInit): Promise<void>
  /** Begins a search for images that should have been converted. */
  startBackfill(init: { dryRun: boolean; signal?: AbortSignal }): Promise<WireBackfill>
  /** Where the search stands. */
  getBackfill(init?: SignalInit): Promise<WireBackfill>
  /** How the service stands, as far as the caller may see it. */
  status(init?: SignalInit): Promise<WireStatus>
  /** Whether it can take orders; one that cannot says so too. */
  readiness(init?: SignalInit): Promise<WireReadiness>
  /** What happens to a task until it ends, however often the connection breaks. */
  followTask(id: string, init?: FollowInit): AsyncGenerator<TaskNews>
}

interface SignalInit {
  signal?: AbortSignal
}

export interface ServiceClientInit extends ExchangeInit {
  /** `host:port`, `http://…`, `https://…` or `unix:///path/of/the.sock`. */
  address: string
}

/** Makes the client. Throws HTTP_SERVICE_UNREACHABLE when `address` is no address. */
export function createServiceClient(init: ServiceClientInit): ServiceClient {
  const address = parseServiceAddress(init.address)
  const ask = async (options: Ask): Promise<ServiceAnswer> => {
    const answer = await askService(address, init, options)
    if (answer.status < 300) return answer
    throw failureOf(address.text, answer)
  }
  /** Asks for an answer in JSON that `fits`. */
  const askFor = async <Body>(
    options: Ask,
    fits: (body: unknown) => body is Body,
  ): Promise<{ body: Body; answer: ServiceAnswer }> => {
    const answer = await ask(options)
    const body = json(answer.body)
    if (!fits(body)) throw notTheService(address.text, answer.status)
    return { body, answer }
  }
  const askForTask = async (method: string, path: string, signal?: AbortSignal) =>
    (await askFor({ method, path, signal }, isTask)).body
  return {
    async createTask(source, { sync = false, untagged, signal } = {}) {
      await askFor(orderOf(source, { sync, untagged, signal }), isOk)
    },
    async submitTask(source, { sync = false, untagged, signal } = {}) {
      const order = orderOf(source, { sync, untagged, signal })
      const { body } = await askFor(
        { ...order, headers: { prefer: RESPOND_ASYNC } },
        (got): got is typeof OK | WireAccepted => isOk(got) || isObject(got),
      )
      return body === OK ? undefined : body
    },
    async listTasks({ query = {}, signal } = {}) {
      const parameters = new URLSearchParams(query).toString()
      const path = parameters === '' ? CONVERSIONS_PATH : `${CONVERSIONS_PATH}?${parameters}`
      return (await askFor({ method: 'GET', path, signal }, isListOf<WireTask>)).body
    },
    getTask: (id, { signal } = {}) => askForTask('GET', pathOf(id), signal),
    async taskHistory(id, { signal } = {}) {
      const path = pathOf(id, 'events')
      return (await askFor({ method: 'GET', path, signal }, isListOf<WireRecord>)).body
    },
    cancelTask: (id, { signal } = {}) => askForTask('POST', pathOf(id, 'cancel'), signal),
    retryTask: (id, { signal } = {}) => askForTask('POST', pathOf(id, 'retry'), signal),
    async deleteTask(id, { signal } = {}) {
      const { status } = await ask({ method: 'DELETE', path: pathOf(id), signal })
      if (status !== 204) throw notTheService(address.text, status)
    },
    async startBackfill({ dryRun, signal }) {
      const path = `${BACKFILL_PATH}?dry_run=${String(dryRun)}`
      return (await askFor({ method: 'POST', path, signal }, isBackfill)).body
    },
    async getBackfill({ signal } = {}) {
      return (await askFor({ method: 'GET', path: BACKFILL_PATH, signal }, isBackfill)).body
    },
    async status({ signal } = {}) {
      return (await askFor({ method: 'GET', path: STATUS_PATH, signal }, isStatus)).body
    },
    async readiness({ signal } = {}) {
      const answer = await askService(address, init, { method: 'GET', path: READY_PATH, signal })
      const body = json(answer.body)
      if (isReadiness(body)) return body
      throw failureOf(address.text, answer)
    },
    followTask: (id, followInit = {}) =>
      followTask({ address, init, path: pathOf(id, 'events'), failureOf }, followInit),
  }
}

function orderOf(
  source: string,
  init: { sync: boolean; untagged: boolean | undefined; signal: AbortSignal | undefined },
): Ask {
  const { sync, untagged, signal } = init
  const query = new URLSearchParams({ [SYNC_PARAMETER]: String(sync) })
  if (untagged) query.set(UNTAGGED_PARAMETER, 'true')
  const payload: WireRequest = {
    type: PUSH_ARTIFACT,
    event_data: { resources: [{ resource_url: source }] },
  }
  return {
    method: 'POST',
    path: `${CONVERSIONS_PATH}?${query.toString()}`,
    body: JSON.stringify(payload),
    unlimited: sync,
    signal,
  }
}

function pathOf(id: string, member?: string): string {
  const path = `${CONVERSIONS_PATH}/${encodeURIComponent(id)}`
  return member === undefined ? path : `${path}/${member}`
}

/** The error that an answer tells of: the service's own, or that somebody else answered. */
function failureOf(address: string, answer: Pick<ServiceAnswer, 'status' | 'body'>): AccelError {
  const { status } = answer
  const body = json(answer.body)
  const { code, message } = (isObject(body) ? body : {}) as { code?: unknown; message?: unknown }
  if (typeof code !== 'string' || typeof message !== 'string') return notTheService(address, status)
  if (status === 401) return new AccelError('HTTP_SERVICE_UNAUTHORIZED', { message })
  return new AccelError('HTTP_SERVICE_ANSWER', { status, code, message })
}

function json(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

function isOk(body: unknown): body is typeof OK {
  return body === OK
}

function isTask(body: unknown): body is WireTaskDetail {
  return isObject(body)
}

function isBackfill(body: unknown): body is WireBackfill {
  return isObject(body) && 'running' in body
}

function isStatus(body: unknown): body is WireStatus {
  return isObject(body) && 'registries' in body
}

function isReadiness(body: unknown): body is WireReadiness {
  return isObject(body) && 'ready' in body
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isListOf<Item>(value: unknown): value is Item[] {
  return Array.isArray(value)
}

function notTheService(address: string, status: number): AccelError {
  return new AccelError('HTTP_SERVICE_PROXY', { address, status })
}
