/** The HTTP API: routes, bodies and codes, as the clients of goharbor/acceleration-service know them; additions are new members. */

export const CONVERSIONS_PATH = '/api/v1/conversions'
export const EVENTS_PATH = '/api/v1/events'
export const OPENAPI_PATH = '/api/v1/openapi.json'
export const HEALTH_PATH = '/api/v1/health'
export const LIVE_PATH = '/api/v1/health/live'
export const READY_PATH = '/api/v1/health/ready'
export const BACKFILL_PATH = '/api/v1/backfill'
export const STATUS_PATH = '/api/v1/status'
export const METRICS_PATH = '/metrics'

/** Query parameter of `POST /api/v1/conversions`: answer when the conversion has ended. */
export const SYNC_PARAMETER = 'sync'

/** Query parameter of `POST /api/v1/conversions`: convert images that are named by digest alone, too. */
export const UNTAGGED_PARAMETER = 'untagged'

/** Query parameter of `POST /api/v1/conversions`: the registry, `host[:port]`, whose events these are; for dialects that do not name it. */
export const REGISTRY_PARAMETER = 'registry'

/** The event type of a push in Harbor's format `Default`, and what `accelctl` sends. */
export const PUSH_ARTIFACT = 'PUSH_ARTIFACT'

/** The same in Harbor's format `CloudEvents`. Source: Harbor src/pkg/notifier/formats/cloudevents.go. */
export const CLOUD_EVENT_PUSHED = 'harbor.artifact.pushed'

/** What is answered when all is well: a JSON text with a line end. */
export const OK = 'Ok'

/** `finished` of a task that has not ended: the zero value of a Go time. */
export const NEVER = '0001-01-01T00:00:00Z'

/** Status of a task on the wire; a waiting task is `PROCESSING` too, a superseded one `COMPLETED`, a cancelled one `FAILED`. */
export type TaskStatus = 'PROCESSING' | 'COMPLETED' | 'FAILED'

/** What became of a task, more exactly. */
export type WireTaskState =
  | 'waiting'
  | 'running'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'superseded'

/** With this in `Prefer`, `POST /api/v1/conversions` answers 202 with the tasks. Source: RFC 7240, section 4.1. */
export const RESPOND_ASYNC = 'respond-async'

/** A task in the answer to `GET /api/v1/conversions`, which lists the newest first. Sizes are bytes, times RFC 3339. */
export interface WireTask {
  id: string
  created: string
  /** NEVER until the task has ended. */
  finished: string
  source: string
  /** 0 until the task has completed. */
  source_size: number
  target_size: number
  status: TaskStatus
  /** Why the task failed, or why there was nothing to convert. */
  reason: string
  // Members that upstream does not have.
  state: WireTaskState
  /** The registry, as the configuration names it. */
  registry: string
  /** Attempts begun. */
  attempts: number
  /** How often the service died while it ran; absent where it never did. */
  interruptions?: number
  /** When the next attempt is made, where one failed. */
  next_attempt?: string
  /** When a worker took it; absent while it waits. */
  started?: string
  source_digest?: string
  target?: string
  target_digest?: string
  /** Code of the error, docs/errors.md. */
  code?: string
  /** Set when there was nothing to convert. */
  skipped?: true
  /** An earlier result was found: nothing was converted. */
  reused?: true
}

/** A task in full: `GET /api/v1/conversions/{id}`. Durations are milliseconds. */
export interface WireTaskDetail extends WireTask {
  /** What can be done about the failure. */
  remedy?: string
  /** What lay behind the failure, the nearest first, where `reason` does not say it. */
  causes?: string[]
  /** The rule of the configuration that asks for it. */
  rule?: string
  progress?: WireProgress
  timings?: WireTimings
  /** Of the last attempt; not in events of all tasks. */
  layers?: WireLayer[]
  /** What the conversion did; absent until it has completed, and where nothing was converted. Not in events of all tasks. */
  report?: WireReport
}

/** What a conversion did, in full. */
export interface WireReport {
  driver: string
  /** Of all its images, one after the other, the lowest of each first. */
  layers: WireLayerResult[]
  /** Members of the index that are in the result as they were. */
  kept: { digest: string; reason: string }[]
  /** Paths that were compared with the source before the push; absent where none were. */
  verified_paths?: number
}

/** One layer, before and after. */
export interface WireLayerResult {
  platform: string
  /** Position in its image, from 1 for the lowest. */
  index: number
  /** Of the source blob. */
  digest: string
  media_type: string
  source_size: number
  target_size: number
  /** Of the converted blob, what says where files are. */
  index_size?: number
  entries?: number
  /** It was converted before: found in `work_dir`, or in the remote cache. */
  found?: 'store' | 'cache'
  /** Why it stands in the result unconverted. */
  kept?: string
  /** What its driver had to say of it; the history of the task has it too. */
  warnings?: string[]
  /** Absent where the result has no such blob. */
  push?: 'uploaded' | 'exists' | 'mounted'
}

/** Where one layer stands, and when it came there. */
export interface WireLayer {
  platform: string
  /** Position in its image, from 1 for the lowest. */
  index: number
  digest: string
  state: 'waiting' | 'converting' | 'converted' | 'kept' | 'pushing' | 'pushed'
  /** Bytes of the source blob, and how many of them were read. */
  size: number
  read: number
  /** Bytes of the converted blob, and how many of them were pushed. */
  written: number
  pushed: number
  /** Absent where a layer that was converted before was used. */
  convert_from?: string
  convert_to?: string
  push_from?: string
  push_to?: string
}

/** Where a running task stands. Bytes are totals of all layers. */
export interface WireProgress {
  /** `disk`: it waits until others have left room. */
  phase: 'pull' | 'disk' | 'convert' | 'push'
  layers: number
  layers_done: number
  source_bytes: number
  read_bytes: number
  written_bytes: number
  pushed_bytes: number
}

/** How long things took, in milliseconds. */
export interface WireTimings {
  wait_ms?: number
  run_ms?: number
  pull_ms?: number
  convert_ms?: number
  push_ms?: number
}

/** Something that happened to a task. */
export interface WireRecord {
  time: string
  type: string
  message?: string
  code?: string
}

/** Answer to `POST /api/v1/conversions` with `Prefer: respond-async`. */
export interface WireAccepted {
  /** What is converted, or was being converted already. */
  tasks: (WireTaskDetail & { joined?: true })[]
  /** What is not, and why. */
  skipped: { image: string; reason: string }[]
}

/** Server-sent events of `/api/v1/events` and `/api/v1/conversions/{id}/events`, by name. */
export interface WireEvents {
  /** A task as it is now: at the beginning, and with each change of its state. */
  task: WireTaskDetail
  /** Where a running task stands, and its layers that are converted or pushed just now, at most 16 of them. */
  progress: WireProgress & { id: string; active: WireLayer[] }
  /** Something that happened to the one task that is followed. */
  record: WireRecord
  /** What happened since the `Last-Event-ID` is no longer known: list the tasks anew. */
  reset: Record<string, never>
}

/** Answer to `GET /api/v1/health/ready`. */
export interface WireReadiness {
  /** Orders can be taken. */
  ready: boolean
  /** `registries`: all of them answered the last time; it does not count for `ready`. */
  checks: Record<'database' | 'disk' | 'registries', 'ok' | 'failing'>
}

/** Answer to `GET /api/v1/status`. Sizes are bytes. */
export interface WireStatus {
  version: string
  /** Tasks that wait, that run, and that may run at once. */
  waiting: number
  running: number
  workers: number
  /** The file system of the work directory. */
  disk: {
    free: number
    size: number
  }
  store: {
    /** Converted layers that are kept, how many and how large. */
    layers: number
    content: number
    /** Of the content, what tasks need at the moment. */
    needed: number
    /** Files of layers under way. */
    under_way: number
    /** Content above which layers that nobody needs are removed; 0: none is kept. */
    limit: number
  }
  /** Those that the caller may use. */
  registries: WireRegistry[]
}

/** How a registry is. */
export interface WireRegistry {
  name: string
  /** Whether it answered the last time; absent, as what follows, until it was asked. */
  answers?: boolean
  /** When that was. */
  asked?: string
  /** What was wrong. */
  problem?: string
}

/** Where a search for images that should have been converted stands. */
export interface WireBackfill {
  running: boolean
  dry_run?: boolean
  /** When it began, or the last one did. */
  started?: string
  /** What it has found so far, by registry. */
  registries: WireBackfillRegistry[]
  /** What was queued, or would be: `host/repository:tag`, and the rule; at most 1000. */
  queued: string[]
}

/** A search in one registry. */
export interface WireBackfillRegistry {
  host: string
  images: number
  up_to_date: number
  not_wanted: number
  tried_before: number
  failed: number
  queued: number
  /** Why the search ended early there. */
  error?: { code: string; message: string; hint: string }
}

/** Body of an error answer. */
export interface WireFailure {
  code: string
  message: string
}

/** Body of `POST /api/v1/conversions` as `accelctl` sends it; webhooks have more members. */
export interface WireRequest {
  type: typeof PUSH_ARTIFACT
  event_data: { resources: { resource_url: string }[] }
}
