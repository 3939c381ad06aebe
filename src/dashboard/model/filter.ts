import type { WireTask, WireTaskState } from '../../api/contract.ts'

/** Which tasks a list shows. */
export interface Filter {
  /** Empty: all. */
  states: readonly WireTaskState[]
  /** A part of the image's name; empty: all. */
  text: string
}

/** The filters of the list, by their names. */
export const stateFilters: Readonly<Record<string, readonly WireTaskState[]>> = {
  ended: ['completed', 'failed', 'cancelled', 'superseded'],
  completed: ['completed'],
  failed: ['failed'],
  'cancelled or superseded': ['cancelled', 'superseded'],
  'any, also not ended': [],
}

/** The same as parameters of the list. */
export function queryOf({ states, text }: Filter): Record<string, string> {
  return {
    ...(states.length === 0 ? {} : { status: states.join(',') }),
    ...(text === '' ? {} : { source: text }),
  }
}

/** Whether a task belongs to the list, by the same rules as the service's. */
export function fits({ states, text }: Filter, task: Pick<WireTask, 'state' | 'source'>): boolean {
  return (states.length === 0 || states.includes(task.state)) && task.source.includes(text)
}
