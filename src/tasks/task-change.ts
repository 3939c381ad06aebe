/** The changes that a task goes through; each makes a new task of the old one. */
import { randomUUID } from 'node:crypto'
import { AccelError, isAccelError } from '../errors/accel-error.ts'
import type { Task, TaskOrder } from './task.ts'

/** What a task says of the attempt that failed last. */
const ofFailure = ['notBefore', 'reason', 'code', 'remedy', 'causes'] as const
/** What it says of the time since it was queued. */
const ofRuns = ['started', 'finished', 'progress', 'outcome', 'timings'] as const

/** A task for an order. */
export function newTask(order: TaskOrder, now: number): Task {
  return {
    ...order,
    id: randomUUID(),
    state: 'waiting',
    created: now,
    attempts: 0,
    interruptions: 0,
  }
}

/** A task for what the source's tag names by now. */
export function followUp(task: Task, digest: string, now: number): Task {
  return newTask({ ...without(task, 'pushedAt', ...ofRuns, ...ofFailure), digest }, now)
}

/** A task that has ended, to be tried with all its attempts once more. */
export function triedAgain(task: Task): Task {
  const fresh = without(task, ...ofRuns, ...ofFailure)
  return { ...fresh, state: 'waiting', attempts: 0, interruptions: 0 }
}

/** A task that another process has left. The attempt that was under way does not count, but that it was cut off does. */
export function takenUp(left: Task): Task {
  const task: Task = { ...without(left, 'progress'), state: 'waiting' }
  if (left.state !== 'running') return task
  return {
    ...task,
    attempts: Math.max(0, left.attempts - 1),
    interruptions: left.interruptions + 1,
  }
}

/** A task whose next attempt begins. */
export function begun(task: Task, now: number, waitedMs: number): Task {
  const { started = now, attempts, timings } = task
  return {
    ...without(task, ...ofFailure),
    state: 'running',
    started,
    attempts: attempts + 1,
    timings: { ...timings, waitMs: (timings?.waitMs ?? 0) + waitedMs },
  }
}

/** A running task that is left for the next start of the service. */
export function interrupted(task: Task): Task {
  return { ...without(task, 'progress'), state: 'waiting' }
}

/** What a task says of an error; one that the catalogue does not know is a defect of the program. */
export function failureOf(
  task: Task,
  error: unknown,
  redact: (text: string) => string,
): Required<Pick<Task, 'reason' | 'code' | 'remedy'>> & Pick<Task, 'causes'> {
  const known = isAccelError(error) ? error : defect(task, error)
  const causes = causesOf(known).map(redact)
  return {
    reason: redact(known.message),
    code: known.code,
    remedy: known.hint,
    ...(causes.length === 0 ? {} : { causes }),
  }
}

/** Causes of causes that are kept. */
const MAX_CAUSES = 4

/** What lay behind `error`, the nearest first; without what is said already. */
function causesOf(error: Error): string[] {
  const causes: string[] = []
  const isSaid = (text: string): boolean =>
    text === '' || [error.message, ...causes].some((said) => said.includes(text))
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    if (causes.length === MAX_CAUSES) break
    if (!isSaid(cause.message)) causes.push(cause.message)
  }
  return causes
}

/** A task that ends with `error`, or well. */
export function ended(
  task: Task,
  error: unknown,
  now: number,
  redact: (text: string) => string,
): Task {
  const failure = error === undefined ? {} : failureOf(task, error, redact)
  return { ...without(task, 'notBefore'), ...failure, state: endState(error), finished: now }
}

function endState(error: unknown): 'completed' | 'failed' | 'cancelled' | 'superseded' {
  if (error === undefined) return 'completed'
  if (isAccelError(error, 'TASK_CANCELLED')) return 'cancelled'
  return isAccelError(error, 'TASK_SUPERSEDED') ? 'superseded' : 'failed'
}

/** Why a task ends when a newer one of its lane has come. */
export function supersededBy({ source }: Task, newer: Pick<Task, 'digest'>): AccelError {
  const by = newer.digest === undefined ? 'it was pushed again' : `it names ${newer.digest} now`
  return new AccelError('TASK_SUPERSEDED', { source, by })
}

function defect({ source }: Task, cause: unknown): AccelError {
  const message = cause instanceof Error ? cause.message : String(cause)
  return new AccelError('TASK_DEFECT', { source, message }, { cause })
}

function without<Key extends keyof Task>(task: Task, ...keys: Key[]): Omit<Task, Key> {
  const left: Partial<Task> = { ...task }
  for (const key of keys) delete left[key]
  return left as Omit<Task, Key>
}
