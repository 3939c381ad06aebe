/**
 * What was asked for and what became of it.
 *
 *     submit ──► waiting ──► running ──► completed     (also when there was nothing to convert: `skipped`)
 *                   │           │
 *                   └───────────┴──────► failed        (`reason`, and `code` where the catalogue has one)
 *
 * waiting    nobody works on it; a task of the same lane may be running
 * running    one worker runs it, and no other task of its lane
 * completed, failed   it ended at `finished` and never changes again
 */
export type TaskState = 'waiting' | 'running' | 'completed' | 'failed'

/** What a caller wants done. Plain data, so that a store can keep it. */
export interface TaskOrder {
  /** The image, as the caller wrote it. */
  readonly source: string
  /** The digest that is to be converted, where the caller knows it. */
  readonly digest?: string
  /**
   * What is being worked towards: the repository and tag in one spelling. Tasks of one lane run one after the other,
   * so that an older push of a tag cannot overtake a newer one.
   */
  readonly lane: string
  /** Name of the rule by which it is converted. */
  readonly rule?: string
  /** The account that pushed it, for rules that ask. */
  readonly operator?: string
}

/** What a run says of its result. Sizes are bytes. */
export interface TaskOutcome {
  readonly sourceSize: number
  readonly targetSize: number
  readonly sourceDigest?: string
  readonly target?: string
  readonly targetDigest?: string
  /** Why nothing had to be done. */
  readonly skipped?: string
}

/** A task at one moment; a change makes a new one, so whoever holds it may keep it. Times are milliseconds since 1970. */
export interface Task extends TaskOrder {
  readonly id: string
  readonly state: TaskState
  readonly created: number
  readonly started?: number
  readonly finished?: number
  readonly outcome?: TaskOutcome
  /** Why it failed, in words that may be shown to any caller. */
  readonly reason?: string
  readonly code?: string
}

/** Whether `task` has ended. */
export function isFinished(task: Task): boolean {
  return task.state === 'completed' || task.state === 'failed'
}

/** Everything that happens in a queue; log, metrics and waiting callers only listen. `P` is what runs tell of their progress. */
export type TaskEvent<P = unknown> =
  | { type: 'queued'; task: Task }
  | { type: 'started'; task: Task }
  | { type: 'progress'; task: Task; progress: P }
  /** `error` is what the run threw, where it threw. */
  | { type: 'finished'; task: Task; error?: unknown }
