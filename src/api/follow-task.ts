import { setTimeout as pause } from 'node:timers/promises'
import { AccelError, isAccelError } from '../errors/accel-error.ts'
import type { WireProgress, WireRecord, WireTaskDetail } from './contract.ts'
import type { ServiceAddress } from './service-address.ts'
import { streamService, type ExchangeInit, type ServiceAnswer } from './service-exchange.ts'
import { decodeEvents } from './sse.ts'

/** What one hears of a task. */
export type TaskNews =
  | { type: 'record'; record: WireRecord }
  | { type: 'task'; task: WireTaskDetail }
  | { type: 'progress'; progress: WireProgress }
  /** The connection broke; it is made again in `inMs`. */
  | { type: 'reconnecting'; problem: string; inMs: number }

export interface FollowInit {
  signal?: AbortSignal
  /** Milliseconds without a connection after which it is given up. @default ten minutes */
  patienceMs?: number
  /** Milliseconds before the second attempt to connect; doubled for each further one, up to 15 s. @default 500 */
  pauseMs?: number
}

/** What is followed. */
export interface Followed {
  address: ServiceAddress
  init: ExchangeInit
  /** Of the task's events. */
  path: string
  failureOf(address: string, answer: Pick<ServiceAnswer, 'status' | 'body'>): AccelError
}

const MAX_PAUSE_MS = 15_000

/**
 * What happens to a task, until it has ended. A connection that breaks, also because the service is started anew, is
 * made again and goes on behind what was heard; the first one has to stand at once.
 * Throws HTTP_SERVICE_…, and what `signal` says.
 */
export async function* followTask(
  { address, init, path, failureOf }: Followed,
  { signal, patienceMs = 10 * 60_000, pauseMs = 500 }: FollowInit,
): AsyncGenerator<TaskNews> {
  let seen: string | undefined
  let lostAt: number | undefined
  let failures = 0
  let begun = false
  for (;;) {
    try {
      const headers: Record<string, string> = { accept: 'text/event-stream' }
      if (seen !== undefined) headers['last-event-id'] = seen
      const { status, pieces, whole } = await streamService(address, init, {
        method: 'GET',
        path,
        headers,
        signal,
      })
      if (status === 204) return
      if (status !== 200) throw failureOf(address.text, await whole())
      begun = true
      lostAt = undefined
      for await (const { name, data, id } of decodeEvents(pieces)) {
        failures = 0
        if (id !== undefined) seen = id
        const news = newsOf(name, data)
        if (news === undefined) continue
        yield news
        if (news.type === 'task' && hasEnded(news.task)) return
      }
      throw new AccelError('HTTP_SERVICE_UNREACHABLE', {
        address: address.text,
        problem: 'the stream of events ended before the task',
      })
    } catch (error) {
      lostAt ??= Date.now()
      if (!begun || !canPass(error) || Date.now() - lostAt > patienceMs) throw error
      const inMs = Math.min(pauseMs * 2 ** failures, MAX_PAUSE_MS)
      failures += 1
      yield { type: 'reconnecting', problem: (error as AccelError).message, inMs }
      await pause(inMs, undefined, signal === undefined ? {} : { signal }).catch(() =>
        signal?.throwIfAborted(),
      )
    }
  }
}

/** Whether a task has ended, however. */
export function hasEnded({ state }: Pick<WireTaskDetail, 'state'>): boolean {
  return state !== 'waiting' && state !== 'running'
}

/** A proxy answers in place of a service that is being started. */
function canPass(error: unknown): boolean {
  if (isAccelError(error, 'HTTP_SERVICE_ANSWER')) return error.context.status >= 502
  return (
    isAccelError(error, 'HTTP_SERVICE_UNREACHABLE') || isAccelError(error, 'HTTP_SERVICE_PROXY')
  )
}

function newsOf(name: string, data: string): TaskNews | undefined {
  switch (name) {
    case 'record':
      return { type: 'record', record: JSON.parse(data) as WireRecord }
    case 'task':
      return { type: 'task', task: JSON.parse(data) as WireTaskDetail }
    case 'progress':
      return { type: 'progress', progress: JSON.parse(data) as WireProgress }
    default:
      return undefined
  }
}
