/** The HTTP API: routes, bodies and codes, as the clients of goharbor/acceleration-service know them; additions are new members. */

export const CONVERSIONS_PATH = '/api/v1/conversions'
export const HEALTH_PATH = '/api/v1/health'
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

/** Status of a task on the wire; a waiting task is `PROCESSING` too. */
export type TaskStatus = 'PROCESSING' | 'COMPLETED' | 'FAILED'

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
  /** When a worker took it; absent while it waits. */
  started?: string
  source_digest?: string
  target?: string
  target_digest?: string
  /** Code of the error, docs/errors.md. */
  code?: string
  /** Set when there was nothing to convert. */
  skipped?: true
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
