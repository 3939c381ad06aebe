import { request as httpRequest, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { AccelError } from '../errors/accel-error.ts'
import {
  CONVERSIONS_PATH,
  OK,
  PUSH_ARTIFACT,
  SYNC_PARAMETER,
  UNTAGGED_PARAMETER,
  type WireRequest,
  type WireTask,
} from './contract.ts'

/** A client of the HTTP API. Throws HTTP_SERVICE_… for every answer that is not one of the service's own that it was asked for. */
export interface ServiceClient {
  /** Has an image converted; with `sync`, waits until it is. */
  createTask(
    source: string,
    init?: { sync?: boolean; untagged?: boolean; signal?: AbortSignal },
  ): Promise<void>
  /** The tasks that the service knows, the newest first. */
  listTasks(init?: { signal?: AbortSignal }): Promise<WireTask[]>
}

export interface ServiceClientInit {
  /** `host:port`, `http://…`, `https://…` or `unix:///path/of/the.sock`. */
  address: string
  /** The `Authorization` header, to the letter. @default none */
  authorization?: string
  /** Milliseconds until a connection must stand. @default 5,000 */
  connectTimeoutMs?: number
  /** Milliseconds until an answer must be there; a synchronous request waits for ever. @default 60,000 */
  answerTimeoutMs?: number
}

/** Largest answer that is read: a list of ten thousand tasks has some megabytes. */
const MAX_ANSWER = 64 * 1024 * 1024

interface Answer {
  status: number
  body: string
}

/** Makes the client. Throws HTTP_SERVICE_UNREACHABLE when `address` is no address. */
export function createServiceClient(init: ServiceClientInit): ServiceClient {
  const { address } = init
  const target = targetOf(address)
  const ask = (options: AskInit): Promise<Answer> => exchange(init, target, options)
  return {
    async createTask(source, { sync = false, untagged = false, signal } = {}) {
      const query = new URLSearchParams({ [SYNC_PARAMETER]: String(sync) })
      if (untagged) query.set(UNTAGGED_PARAMETER, 'true')
      const payload: WireRequest = {
        type: PUSH_ARTIFACT,
        event_data: { resources: [{ resource_url: source }] },
      }
      const answer = await ask({
        method: 'POST',
        path: `${CONVERSIONS_PATH}?${query.toString()}`,
        body: JSON.stringify(payload),
        unlimited: sync,
        signal,
      })
      if (json(answer) !== OK) throw notTheService(address, answer)
    },
    async listTasks({ signal } = {}) {
      const answer = await ask({ method: 'GET', path: CONVERSIONS_PATH, signal })
      const tasks = json(answer)
      if (!Array.isArray(tasks)) throw notTheService(address, answer)
      return tasks as WireTask[]
    },
  }
}

interface AskInit {
  method: string
  path: string
  body?: string
  unlimited?: boolean
  signal?: AbortSignal | undefined
}

/** Sends one request and reads the answer; one that tells of a failure is thrown. */
async function exchange(
  init: ServiceClientInit,
  target: Target,
  options: AskInit,
): Promise<Answer> {
  const { address, authorization, connectTimeoutMs = 5_000, answerTimeoutMs = 60_000 } = init
  const { method, path, body = '', unlimited, signal } = options
  const deadline = unlimited ? [] : [AbortSignal.timeout(answerTimeoutMs)]
  let answer: Answer
  try {
    answer = await send(target, connectTimeoutMs, body, {
      method,
      path,
      agent: false,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        ...(authorization === undefined ? {} : { authorization }),
      },
      signal: AbortSignal.any([...deadline, ...(signal === undefined ? [] : [signal])]),
    })
  } catch (cause) {
    if (signal?.aborted) throw signal.reason
    throw unreachable(address, problemOf(cause), cause)
  }
  if (answer.status < 300) return answer
  throw failureOf(address, answer)
}

function send(
  target: Target,
  connectTimeoutMs: number,
  body: string,
  options: RequestOptions,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const start = target.secure ? httpsRequest : httpRequest
    const request = start({ ...target.where, ...options }, (response) => {
      const pieces: Buffer[] = []
      let size = 0
      response.on('data', (piece: Buffer) => {
        size += piece.length
        if (size > MAX_ANSWER) response.destroy(new Error(`more than ${MAX_ANSWER} bytes`))
        else pieces.push(piece)
      })
      response.on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces).toString() }),
      )
    })
    const timer = setTimeout(
      () => request.destroy(new Error('no connection in time')),
      connectTimeoutMs,
    )
    request.on('socket', (socket) => {
      socket.once(target.secure ? 'secureConnect' : 'connect', () => clearTimeout(timer))
    })
    request.on('close', () => clearTimeout(timer))
    request.on('error', reject)
    request.end(body)
  })
}

interface Target {
  secure: boolean
  where: { host: string; port: string | number } | { socketPath: string }
}

function targetOf(address: string): Target {
  if (address.startsWith('unix://')) {
    return { secure: false, where: { socketPath: address.slice('unix://'.length) } }
  }
  const text = /^https?:\/\//.test(address) ? address : `http://${address}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.hostname === '') throw unreachable(address, 'that is no address')
  const secure = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  return { secure, where: { host, port: url.port || (secure ? 443 : 80) } }
}

/** The error that an answer tells of: the service's own, or that somebody else answered. */
function failureOf(address: string, answer: Answer): AccelError {
  const { status } = answer
  const body = json(answer)
  const { code, message } = (typeof body === 'object' && body !== null ? body : {}) as {
    code?: unknown
    message?: unknown
  }
  if (typeof code !== 'string' || typeof message !== 'string') return notTheService(address, answer)
  if (status === 401) return new AccelError('HTTP_SERVICE_UNAUTHORIZED', { message })
  return new AccelError('HTTP_SERVICE_ANSWER', { status, code, message })
}

function json(answer: Answer): unknown {
  try {
    return JSON.parse(answer.body)
  } catch {
    return undefined
  }
}

function notTheService(address: string, { status }: Answer): AccelError {
  return new AccelError('HTTP_SERVICE_PROXY', { address, status })
}

function unreachable(address: string, problem: string, cause?: unknown): AccelError {
  return new AccelError('HTTP_SERVICE_UNREACHABLE', { address, problem }, { cause })
}

/** Node tells of several addresses that were tried as an error without a message. */
function problemOf(cause: unknown): string {
  const { code, message, name } = cause as NodeJS.ErrnoException
  return code ?? (message || name)
}
