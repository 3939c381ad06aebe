import type { TaskStatus } from '../api/contract.ts'
import { AccelError } from '../errors/accel-error.ts'
import type { TaskFilter } from '../tasks/task-store.ts'
import type { TaskState } from '../tasks/task.ts'
import { statesOf } from './wire-task.ts'

/** Most tasks of a page. */
export const MAX_LIMIT = 1000

/** What `GET /api/v1/conversions` was asked for. */
export interface ListQuery {
  filter: TaskFilter
  /** A registry, as the caller writes it. */
  registry: string | undefined
}

const states = new Map<string, readonly TaskState[]>([
  ...(['PROCESSING', 'COMPLETED', 'FAILED'] as const satisfies TaskStatus[]).map(
    (status) => [status, statesOf(status)] as const,
  ),
  ...(['waiting', 'running', 'completed', 'failed', 'cancelled', 'superseded'] as const).map(
    (state) => [state, [state]] as const,
  ),
])

/** Reads the parameters of a list; those that are left out or not known restrict nothing. Throws HTTP_QUERY_INVALID. */
export function readListQuery(query: Readonly<Record<string, string>>): ListQuery {
  const { status, registry, source, since, limit, cursor } = query
  const filter: TaskFilter = {}
  if (status) filter.states = [...new Set(status.split(',').flatMap(statesNamed))]
  if (source) filter.text = source
  if (since) filter.since = timeOf(since)
  if (limit) filter.limit = limitOf(limit)
  if (cursor) filter.cursor = cursor
  return { filter, registry: registry || undefined }
}

function statesNamed(name: string): readonly TaskState[] {
  const found = states.get(name)
  if (found !== undefined) return found
  throw invalid('status', name, `one of ${[...states.keys()].join(', ')}`)
}

function timeOf(value: string): number {
  const time = /^\d{4}-\d\d-\d\d(T.*)?$/.test(value) ? Date.parse(value) : NaN
  if (Number.isNaN(time)) throw invalid('since', value, 'a time such as 2026-11-21T08:00:00Z')
  return time
}

function limitOf(value: string): number {
  const limit = /^\d{1,5}$/.test(value) ? Number(value) : 0
  if (limit >= 1 && limit <= MAX_LIMIT) return limit
  throw invalid('limit', value, `a number from 1 to ${MAX_LIMIT}`)
}

function invalid(name: string, value: string, expected: string): AccelError {
  return new AccelError('HTTP_QUERY_INVALID', { name, value: value.slice(0, 64), expected })
}
