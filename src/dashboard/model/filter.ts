import type { WireTask, WireTaskState } from '../../api/contract.ts'

/** Which tasks the history shows. */
export interface Filter {
  /** A key of `stateFilters`. */
  state: string
  /** A registry, as the configuration names it; empty: all. */
  registry: string
  /** A key of `ages`; empty: however old. */
  within: string
  /** A part of the image's name; empty: all. */
  text: string
}

/** What is shown where nothing else is asked for. */
export const DEFAULT_FILTER: Filter = { state: 'ended', registry: '', within: '', text: '' }

/** The filters by state, with what people read. No state: all. */
export const stateFilters: Readonly<
  Record<string, { label: string; states: readonly WireTaskState[] }>
> = {
  ended: { label: 'ended', states: ['completed', 'failed', 'cancelled', 'superseded'] },
  completed: { label: 'completed', states: ['completed'] },
  failed: { label: 'failed', states: ['failed'] },
  stopped: { label: 'cancelled or superseded', states: ['cancelled', 'superseded'] },
  all: { label: 'any, also not ended', states: [] },
}

/** The filters by age, in milliseconds since the task was asked for. */
export const ages: Readonly<Record<string, { label: string; ms: number }>> = {
  hour: { label: 'in the last hour', ms: 3_600_000 },
  day: { label: 'in the last 24 hours', ms: 24 * 3_600_000 },
  week: { label: 'in the last 7 days', ms: 7 * 24 * 3_600_000 },
}

/** A filter as an address has it; what it does not know is as in DEFAULT_FILTER. */
export function readFilter(query: URLSearchParams): Filter {
  const { state, within } = Object.fromEntries(query)
  return {
    state: state !== undefined && Object.hasOwn(stateFilters, state) ? state : DEFAULT_FILTER.state,
    registry: query.get('registry') ?? '',
    within: within !== undefined && Object.hasOwn(ages, within) ? within : '',
    text: query.get('image') ?? '',
  }
}

/** The same for an address, without what is as in DEFAULT_FILTER: `state=failed&image=app`, or nothing. */
export function writeFilter(filter: Filter): string {
  const members = Object.entries({
    state: filter.state === DEFAULT_FILTER.state ? '' : filter.state,
    registry: filter.registry,
    within: filter.within,
    image: filter.text,
  })
  return String(new URLSearchParams(members.filter(([, value]) => value !== '')))
}

/** When the oldest task that a filter lets through was asked for, RFC 3339; empty: however long ago. */
export function sinceOf({ within }: Filter, now: number): string {
  const ms = ages[within]?.ms
  return ms === undefined ? '' : new Date(now - ms).toISOString()
}

/** The same as parameters of the list. */
export function queryOf(filter: Filter, since: string): Record<string, string> {
  const parameters = {
    status: stateFilters[filter.state]?.states.join(',') ?? '',
    registry: filter.registry,
    since,
    source: filter.text,
  }
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== ''))
}

/** Whether a task belongs to the list, by the same rules as the service's. */
export function fits(
  { state, registry, text }: Filter,
  since: string,
  task: Pick<WireTask, 'state' | 'source' | 'registry' | 'created'>,
): boolean {
  const states = stateFilters[state]?.states ?? []
  return (
    (states.length === 0 || states.includes(task.state)) &&
    (registry === '' || task.registry === registry) &&
    task.created >= since &&
    task.source.includes(text)
  )
}
