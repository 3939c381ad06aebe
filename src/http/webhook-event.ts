import { CLOUD_EVENT_PUSHED, PUSH_ARTIFACT } from '../api/contract.ts'
import { AccelError } from '../errors/accel-error.ts'

/** What a request says has happened: a push, or something that does not concern us. */
export type WebhookEvent = PushEvent | { kind: 'other'; type: string }

export interface PushEvent {
  kind: 'push'
  /** The account that pushed; Harbor names it, other callers do not. */
  operator?: string
  /** At least one. */
  resources: PushedResource[]
}

/** One thing that was pushed, as the registry names it. */
export interface PushedResource {
  /** `host[:port]/repository:tag` or `…@digest`, without a scheme. */
  url: string
  digest?: string
}

/** Content types of Harbor's two formats; parameters such as a charset may follow. */
const JSON_TYPE = 'application/json'
const CLOUD_EVENTS_TYPE = 'application/cloudevents+json'

/** More than one push is not known to name; `accelctl` and scripts send a few. */
const MAX_RESOURCES = 1000

/**
 * Reads the body of `POST /api/v1/conversions`: Harbor's format Default (also what `accelctl` sends) or CloudEvents,
 * told apart by content type. Members that are not known are ignored. Throws HTTP_PAYLOAD_INVALID.
 * Source: Harbor src/pkg/notifier/model/event.go and src/pkg/notifier/formats/cloudevents.go.
 */
export function parseWebhookEvent(contentType: string | null, body: string): WebhookEvent {
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase()
  if (type === CLOUD_EVENTS_TYPE) return eventOf(parse(body), CLOUD_EVENT_PUSHED, 'data')
  if (type === JSON_TYPE) return eventOf(parse(body), PUSH_ARTIFACT, 'event_data')
  throw invalid(`the content type is ${JSON.stringify(contentType ?? '')}, expected ${JSON_TYPE}`)
}

function eventOf(payload: unknown, pushed: string, dataMember: string): WebhookEvent {
  const event = object(payload, 'the payload')
  const type = text(event, 'type')
  if (type === undefined) throw invalid('it has no type')
  if (type !== pushed) return { kind: 'other', type }
  const data = object(event[dataMember], dataMember)
  const { resources } = data
  if (!Array.isArray(resources) || resources.length === 0) {
    throw invalid(`${dataMember}.resources is not a list of what was pushed`)
  }
  if (resources.length > MAX_RESOURCES) throw invalid(`more than ${MAX_RESOURCES} resources`)
  const operator = text(event, 'operator')
  return {
    kind: 'push',
    resources: resources.map((resource) => resourceOf(resource)),
    ...(operator === undefined ? {} : { operator }),
  }
}

function resourceOf(value: unknown): PushedResource {
  const resource = object(value, 'a resource')
  const url = text(resource, 'resource_url')
  if (url === undefined) throw invalid('a resource has no resource_url')
  const digest = text(resource, 'digest')
  return { url, ...(digest === undefined ? {} : { digest }) }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    // the parser's message would repeat the body
    throw invalid('it is not JSON')
  }
}

function object(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>
  }
  throw invalid(`${what} is not an object`)
}

/** A member that is a text; undefined where it is left out or empty. */
function text(from: Record<string, unknown>, name: string): string | undefined {
  const value = from[name]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string') throw invalid(`${name} is not a text`)
  return value
}

function invalid(problem: string): AccelError {
  return new AccelError('HTTP_PAYLOAD_INVALID', { problem })
}
