/**
 * What was asked for and what became of it.
 *
 *     submit ──► waiting ◄──────► running ──► completed    (also when there was nothing to convert: `skipped`)
 *                   │   a failure    │
 *                   │   that can     ├──────► failed       (`reason`, `code`, `remedy`)
 *                   │   pass, or a   ├──────► superseded   (its tag was moved on; what it names now has a task of its own)
 *                   │   restart      ├──────► cancelled    (somebody asked for that)
 *                   └────────────────┘
 *
 * waiting    nobody works on it; a task of the same lane may be running, or `notBefore` lies ahead
 * running    one worker runs it, and no other task of its lane
 * the others it ended at `finished`, and changes only when somebody asks for it to be tried again
 */
export type TaskState = 'waiting' | 'running' | 'completed' | 'failed' | 'cancelled' | 'superseded'

/** What a caller wants done. Plain data: it is kept. */
export interface TaskOrder {
  /** The image, as the caller wrote it. */
  readonly source: string
  /** The registry whose limits count, and whose users may see the task. */
  readonly host: string
  /**
   * What is being worked towards: the target, in one spelling. Tasks of one lane run one after the other, so that an
   * older push of a tag cannot overtake a newer one.
   */
  readonly lane: string
  /**
   * Where the source is. Tasks of one repository that convert the same digest by the same rule run one after the other
   * as well, whatever they work towards: the later ones find the result of the first.
   */
  readonly repository?: string
  /** The digest that is to be converted, where the caller knows it. */
  readonly digest?: string
  /** What decides the result besides the source: driver, its version and options, as one text. */
  readonly recipe?: string
  /** Where the result goes, where that is not made from the source. */
  readonly target?: string
  /** Name of the rule by which it is converted. */
  readonly rule?: string
  /** The account that pushed it, for rules that ask. */
  readonly operator?: string
  /** When the source was pushed, as the registry says: tells an event that comes late from a newer one. Milliseconds since 1970. */
  readonly pushedAt?: number
}

/** Where a run stands. Byte counts are totals of all layers. */
export interface TaskProgress {
  /** `disk`: waits until others have left room for it. */
  readonly phase: 'pull' | 'disk' | 'convert' | 'push'
  readonly layers: number
  readonly layersDone: number
  /** Bytes of the source's layers, and how many of them were read. */
  readonly sourceBytes: number
  readonly readBytes: number
  readonly writtenBytes: number
  readonly pushedBytes: number
  /** Each layer by itself, in the order in which they were found. */
  readonly each?: readonly LayerTimes[]
}

/** Where one layer stands, and when it came there. Sizes are bytes, times milliseconds since 1970. */
export interface LayerTimes {
  readonly platform: string
  /** Position in its image, from 1 for the lowest. */
  readonly index: number
  readonly digest: string
  readonly state: 'waiting' | 'converting' | 'converted' | 'kept' | 'pushing' | 'pushed'
  /** Of the source blob. */
  readonly size: number
  readonly read: number
  /** Of the converted blob. */
  readonly written: number
  readonly pushed: number
  /** When its conversion began; absent where an earlier result was found. */
  readonly convertFrom?: number
  readonly convertTo?: number
  readonly pushFrom?: number
  readonly pushTo?: number
}

/** How long things took, in milliseconds by a clock that is never set. */
export interface TaskTimings {
  /** In line, pauses between attempts included. */
  readonly waitMs?: number
  /** The last attempt. */
  readonly runMs?: number
  readonly pullMs?: number
  readonly convertMs?: number
  readonly pushMs?: number
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
  /** An earlier result was found: nothing was converted. */
  readonly reused?: boolean
  /**
   * What the source's tag names by now, when that is no longer what was asked for: it becomes an order of its own.
   * Without a `target` the task counts as superseded.
   */
  readonly movedTo?: string
  readonly timings?: TaskTimings
  readonly report?: TaskReport
}

/** What a conversion did, in full. Absent where nothing was converted. */
export interface TaskReport {
  readonly driver: string
  /** Of all its images, one after the other, the lowest of each first. */
  readonly layers: readonly LayerOutcome[]
  /** Members of the index that are in the result as they were. */
  readonly kept: readonly { readonly digest: string; readonly reason: string }[]
  /** Paths that were compared with the source before the push; absent where none were. */
  readonly verifiedPaths?: number
}

/** One layer, before and after. Sizes are bytes. */
export interface LayerOutcome {
  readonly platform: string
  /** Position in its image, from 1 for the lowest. */
  readonly index: number
  /** Of the source blob. */
  readonly digest: string
  readonly mediaType: string
  readonly sourceSize: number
  readonly targetSize: number
  /** Of the converted blob, what says where files are. */
  readonly indexSize?: number
  readonly entries?: number
  /** It was converted before: found in the store of `work_dir`, or in the remote cache. */
  readonly found?: 'store' | 'cache'
  /** Why it stands in the result unconverted. */
  readonly kept?: string
  /** What its driver had to say of it; the task's records have it too. */
  readonly warnings?: readonly string[]
  /** Absent where the result has no such blob. */
  readonly push?: 'uploaded' | 'exists' | 'mounted'
}

/** A task at one moment; a change makes a new one, so whoever holds it may keep it. Times are milliseconds since 1970. */
export interface Task extends TaskOrder {
  readonly id: string
  readonly state: TaskState
  readonly created: number
  /** When the first attempt began. */
  readonly started?: number
  readonly finished?: number
  /** Attempts begun; what a stop of the service has interrupted does not count. */
  readonly attempts: number
  /** How often the service died while it ran. */
  readonly interruptions: number
  /** The next attempt does not begin earlier. */
  readonly notBefore?: number
  readonly progress?: TaskProgress
  readonly outcome?: TaskOutcome
  readonly timings?: TaskTimings
  /** Why it, or its last attempt, failed, in words that may be shown to any caller. */
  readonly reason?: string
  /** Code of that error, and what can be done about it. */
  readonly code?: string
  readonly remedy?: string
  /** What lay behind that error, the nearest first, where the reason does not say it. */
  readonly causes?: readonly string[]
}

/** Something that happened to a task; kept as long as the task is. */
export interface TaskRecord {
  readonly time: number
  readonly type:
    | 'queued'
    | 'started'
    | 'retrying'
    /** The process that ran it stopped, or died; then it is told by the next one, at its start. */
    | 'interrupted'
    | 'warning'
    | 'phase'
    | 'completed'
    | 'failed'
    | 'cancelled'
    | 'superseded'
  readonly message?: string
  readonly code?: string
}

/** Whether `task` has ended. */
export function isFinished(task: Pick<Task, 'state'>): boolean {
  return task.state !== 'waiting' && task.state !== 'running'
}

/** Everything that happens in a queue; log, metrics and waiting callers only listen. */
export type TaskEvent =
  | { type: 'queued'; task: Task }
  | { type: 'started'; task: Task }
  | { type: 'progress'; task: Task; progress: TaskProgress }
  /** The attempt failed and there will be another one, in `inMs`. */
  | { type: 'retrying'; task: Task; error: unknown; inMs: number }
  /** `error` is what the run threw, where it threw. */
  | { type: 'finished'; task: Task; error?: unknown }
