import type { Log } from '../log/log.ts'
import type { AttemptsInit } from './attempts.ts'
import type { TaskClock } from './clock.ts'
import type { Task, TaskOutcome, TaskProgress } from './task.ts'
import type { TaskStore } from './task-store.ts'
import type { WatchdogInit } from './watchdog.ts'

/** Does what a task asks for. Throws when it fails; stops promptly when `signal` is aborted. */
export type RunTask = (task: Task, init: RunTaskInit) => Promise<TaskOutcome>

export interface RunTaskInit {
  signal: AbortSignal
  /** Says where the run stands; a run that says nothing new for long is taken for stuck. */
  progress(progress: TaskProgress): void
  /** Writes something down in the task's history. */
  warn(message: string): void
}

/** What may change while the queue works. */
export interface QueueLimits extends Pick<AttemptsInit, 'attempts' | 'pauseMs'>, WatchdogInit {
  /** Tasks that run at once. */
  workers: number
  /** Tasks of one registry that run at once. @default no limit of its own */
  workersOf?: (host: string) => number
}

export interface TaskQueueInit extends QueueLimits, AttemptsInit {
  /** Tasks that may wait; more are refused. @default 10,000 */
  maxWaiting?: number
  /** How long ended tasks are listed, in milliseconds. @default a day */
  keepMs?: number
  /** Ended tasks listed at most. @default 10,000 */
  keepFinished?: number
  /** How long a run may go on that was told to stop, in milliseconds; its worker is free after that. @default 60 s */
  graceMs?: number
  /** Takes what must not be shown out of a reason. @default nothing is taken out */
  redact?: (text: string) => string
  /** Is told of every task that has ended for good, and of none twice while it is open. @default nobody is */
  onEnded?: (task: Task) => Promise<void>
}

/** What a queue works with. */
export interface TaskQueueComponents {
  store: TaskStore
  log: Log
  run: RunTask
  /** @default the machine's */
  clock?: TaskClock
}

/** What became of an order. */
export interface Submitted {
  task: Task
  /** The order asks for what another one asked for already; `task` is that one's. */
  joined: boolean
  /**
   * Resolves when the task has ended, however, or when the queue stops: the task then is `waiting`, with the code
   * TASK_INTERRUPTED. Never rejects.
   */
  done: Promise<Task>
}

const MINUTE = 60_000

/** What a queue does where nothing else is said. */
export const queueDefaults: Required<Omit<TaskQueueInit, 'workers'>> = {
  workersOf: () => Infinity,
  maxWaiting: 10_000,
  keepMs: 24 * 60 * MINUTE,
  keepFinished: 10_000,
  attempts: 5,
  pauseMs: MINUTE / 4,
  maxPauseMs: 15 * MINUTE,
  interruptions: 25,
  deadlineMs: 6 * 60 * MINUTE,
  stallMs: 10 * MINUTE,
  graceMs: MINUTE,
  redact: (text) => text,
  onEnded: () => Promise.resolve(),
}
