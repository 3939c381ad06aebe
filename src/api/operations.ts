/** Every operation of the HTTP API: the routes are made from this table, and so are openapi.json and docs/http-api.md. */
import {
  BACKFILL_PATH,
  CONVERSIONS_PATH,
  EVENTS_PATH,
  HEALTH_PATH,
  LIVE_PATH,
  METRICS_PATH,
  OPENAPI_PATH,
  READY_PATH,
  STATUS_PATH,
} from './contract.ts'
import { schemaRef, type Schema } from './schemas.ts'

export interface Operation {
  method: 'GET' | 'POST' | 'DELETE'
  /** With `{id}` where a part of it varies. */
  path: string
  summary: string
  description: string
  /** Anybody who can reach the service may ask. */
  open?: true
  parameters?: readonly Parameter[]
  /** Bodies it takes, by content type. */
  body?: Readonly<Record<string, Schema>>
  /** Answers, by status. */
  answers: Readonly<Record<number, Answer>>
}

export interface Parameter {
  name: string
  in: 'query' | 'path' | 'header'
  description: string
  schema: Schema
}

export interface Answer {
  description: string
  /** Bodies, by content type; none where left out. */
  body?: Readonly<Record<string, Schema>>
}

const json = (schema: Schema): Readonly<Record<string, Schema>> => ({ 'application/json': schema })
const failure = (description: string): Answer => ({
  description,
  body: json(schemaRef('Failure')),
})
const events = { 'text/event-stream': { type: 'string' } }

const id: Parameter = {
  name: 'id',
  in: 'path',
  description: 'Of the task.',
  schema: { type: 'string' },
}
const lastEventId: Parameter = {
  name: 'Last-Event-ID',
  in: 'header',
  description: 'The last event that was seen; what came after it is sent first.',
  schema: { type: 'string' },
}
const unauthorized = failure('`ERR_UNAUTHORIZED`: no Authorization header, or another one.')
const badQuery = failure('`ERR_ILLEGAL_PARAMETER`: a parameter cannot be read.')
const noTask = failure('`TASK_NOT_FOUND`: there is no such task, or the caller may not see it.')
const wrongState = failure('`TASK_STATE`: not in the state that the task is in.')
const full = failure('`HTTP_STREAMS_FULL`: too many streams.')
const notStored = failure('The task could not be stored, or too many wait; send it again later.')
const detail = (description: string): Answer => ({
  description,
  body: json(schemaRef('TaskDetail')),
})

export const operations = {
  createConversions: {
    method: 'POST',
    path: CONVERSIONS_PATH,
    summary: 'Have images converted',
    description:
      'Takes an event of a registry, or the name of an image. The tasks are stored before the answer. What was pushed by the service itself, hangs on another image, or was pushed by digest alone is not converted. All that an event names is taken or nothing; of what a Distribution registry gathers, what can be used.',
    parameters: [
      {
        name: 'sync',
        in: 'query',
        description:
          'Answer when the conversions have ended. A client that goes away before that does not end them. Words as Go’s strconv.ParseBool has them.',
        schema: { type: 'boolean', default: false },
      },
      {
        name: 'untagged',
        in: 'query',
        description: 'Convert what is named by digest alone, too.',
        schema: { type: 'boolean', default: false },
      },
      {
        name: 'registry',
        in: 'query',
        description:
          'The registry, `host[:port]`, whose events these are: for zot, which does not say it, and for Distribution, which says what its client called it.',
        schema: { type: 'string' },
      },
      {
        name: 'Prefer',
        in: 'header',
        description:
          '`respond-async`: answer 202 with the tasks, whatever `sync` says, so that they can be followed by their events.',
        schema: { type: 'string' },
      },
    ],
    body: {
      'application/json': { anyOf: [schemaRef('HarborEvent'), schemaRef('Image')] },
      'application/cloudevents+json': schemaRef('CloudEvent'),
      'application/vnd.docker.distribution.events.v2+json': schemaRef('DistributionEvents'),
      'application/vnd.docker.distribution.events.v1+json': schemaRef('DistributionEvents'),
    },
    answers: {
      200: {
        description: 'Taken; with `sync=true`, converted. The text `"Ok"` and a line end.',
        body: json(schemaRef('Ok')),
      },
      202: {
        description: 'Taken, with `Prefer: respond-async`.',
        body: json(schemaRef('Accepted')),
      },
      400: failure('`ERR_ILLEGAL_PARAMETER`: the body, a reference or a parameter cannot be read.'),
      401: unauthorized,
      403: failure('`ERR_UNKNOWN_HOST`: the registry is not configured.'),
      413: failure('`ERR_ILLEGAL_PARAMETER`: the body has more than 1 MiB.'),
      500: failure('`ERR_CONVERT_FAILED`: with `sync=true`, why the conversion failed.'),
      503: notStored,
    },
  },
  listConversions: {
    method: 'GET',
    path: CONVERSIONS_PATH,
    summary: 'List tasks',
    description:
      'The tasks of the registries that the caller may use, the newest first. Without parameters, all of them. With `limit`, where there are more, the header `Link` names the next page with `rel="next"`.',
    parameters: [
      {
        name: 'status',
        in: 'query',
        description:
          'Statuses or states, separated by commas: `PROCESSING`, `COMPLETED`, `FAILED`, `waiting`, `running`, `completed`, `failed`, `cancelled`, `superseded`.',
        schema: { type: 'string' },
      },
      {
        name: 'registry',
        in: 'query',
        description: 'A registry, `host[:port]`.',
        schema: { type: 'string' },
      },
      {
        name: 'source',
        in: 'query',
        description: 'Part of the source’s name.',
        schema: { type: 'string' },
      },
      {
        name: 'since',
        in: 'query',
        description: 'Taken then or later.',
        schema: { type: 'string', format: 'date-time' },
      },
      {
        name: 'limit',
        in: 'query',
        description: 'Tasks of a page.',
        schema: { type: 'integer', minimum: 1, maximum: 1000 },
      },
      {
        name: 'cursor',
        in: 'query',
        description: 'Where the page before ended; the `Link` header has it.',
        schema: { type: 'string' },
      },
    ],
    answers: {
      200: {
        description: 'The tasks.',
        body: json({ type: 'array', items: schemaRef('Task') }),
      },
      400: badQuery,
      401: unauthorized,
    },
  },
  getConversion: {
    method: 'GET',
    path: `${CONVERSIONS_PATH}/{id}`,
    summary: 'One task',
    description: 'A task with all that is known of it.',
    parameters: [id],
    answers: { 200: detail('The task.'), 401: unauthorized, 404: noTask },
  },
  getConversionEvents: {
    method: 'GET',
    path: `${CONVERSIONS_PATH}/{id}/events`,
    summary: 'What happened to a task',
    description:
      'A list; or, with `Accept: text/event-stream`, server-sent events: `record` for each thing that happened, `task` for the task as it is and with each change, `progress` at most four times a second, with the layers that are worked on. The stream ends when the task has ended; a client that comes back after that is answered 204.',
    parameters: [id, lastEventId],
    answers: {
      200: {
        description: 'What happened, the oldest first.',
        body: { ...json({ type: 'array', items: schemaRef('Record') }), ...events },
      },
      204: { description: 'The stream has ended and the client has seen all of it.' },
      401: unauthorized,
      404: noTask,
      503: full,
    },
  },
  cancelConversion: {
    method: 'POST',
    path: `${CONVERSIONS_PATH}/{id}/cancel`,
    summary: 'Cancel a task',
    description: 'Ends a task that waits, or stops one that runs; answers when it has ended.',
    parameters: [id],
    answers: { 200: detail('The task.'), 401: unauthorized, 404: noTask, 409: wrongState },
  },
  retryConversion: {
    method: 'POST',
    path: `${CONVERSIONS_PATH}/{id}/retry`,
    summary: 'Try a task again',
    description:
      'Takes up a task that failed, was cancelled or superseded, with all its attempts; one that waits for its next attempt makes it now.',
    parameters: [id],
    answers: {
      200: detail('The task.'),
      401: unauthorized,
      404: noTask,
      409: wrongState,
      503: notStored,
    },
  },
  deleteConversion: {
    method: 'DELETE',
    path: `${CONVERSIONS_PATH}/{id}`,
    summary: 'Forget a task',
    description: 'Forgets a task that has ended, and what happened to it. Images are not touched.',
    parameters: [id],
    answers: {
      204: { description: 'It is forgotten.' },
      401: unauthorized,
      404: noTask,
      409: wrongState,
    },
  },
  streamEvents: {
    method: 'GET',
    path: EVENTS_PATH,
    summary: 'Follow all tasks',
    description:
      'Server-sent events of the tasks that the caller may see: `task` with each change of one, `progress` at most four times a second for each that runs, with the layers that are worked on. A client that comes back with the last id it has seen is sent what it missed; where that is no longer known, `reset` tells it to list the tasks anew. A client that does not read is cut off.',
    parameters: [lastEventId],
    answers: {
      200: { description: 'Events, until one side ends them.', body: events },
      401: unauthorized,
      503: full,
    },
  },
  health: {
    method: 'GET',
    path: HEALTH_PATH,
    summary: 'Whether the service can work',
    description: 'Looks at the work directory.',
    open: true,
    answers: {
      200: {
        description: 'It can. The text `Ok`, without a line end.',
        body: { 'text/plain': { const: 'Ok' } },
      },
      500: failure('`ERR_UNHEALTHY`: why not.'),
    },
  },
  live: {
    method: 'GET',
    path: LIVE_PATH,
    summary: 'Whether the process answers',
    description: 'For a supervisor that restarts what hangs; looks at nothing.',
    open: true,
    answers: {
      200: { description: 'The text `Ok`.', body: { 'text/plain': { const: 'Ok' } } },
    },
  },
  ready: {
    method: 'GET',
    path: READY_PATH,
    summary: 'Whether orders can be taken',
    description:
      'For a load balancer. Looks at the database and the disk, at most every few seconds; and whether the registries answer, at most every minute, which does not count: orders are kept until they do.',
    open: true,
    answers: {
      200: { description: 'They can.', body: json(schemaRef('Readiness')) },
      503: { description: 'They cannot.', body: json(schemaRef('Readiness')) },
    },
  },
  status: {
    method: 'GET',
    path: STATUS_PATH,
    summary: 'How the service stands',
    description:
      'Tasks that wait and run, room on the disk, converted layers that are kept, and the registries that the caller may use.',
    answers: { 200: { description: 'So.', body: json(schemaRef('Status')) }, 401: unauthorized },
  },
  startBackfill: {
    method: 'POST',
    path: BACKFILL_PATH,
    summary: 'Search for images',
    description:
      'Begins to look through the configured registries for images that should have been converted and were not. Needs the `api_token`, or the socket.',
    parameters: [
      {
        name: 'dry_run',
        in: 'query',
        description: 'Queue nothing.',
        schema: { type: 'boolean', default: false },
      },
    ],
    answers: {
      202: { description: 'It has begun.', body: json(schemaRef('Backfill')) },
      400: badQuery,
      401: unauthorized,
      409: failure('`RECONCILE_RUNNING`: another search is under way.'),
    },
  },
  getBackfill: {
    method: 'GET',
    path: BACKFILL_PATH,
    summary: 'Where the search stands',
    description: 'What the search under way, or the last one, has found.',
    answers: {
      200: { description: 'The search.', body: json(schemaRef('Backfill')) },
      401: unauthorized,
    },
  },
  metrics: {
    method: 'GET',
    path: METRICS_PATH,
    summary: 'Metrics',
    description: 'For Prometheus, where `metric.enabled` says so; see docs/metrics.md.',
    open: true,
    answers: {
      200: {
        description: 'Prometheus’ text format.',
        body: { 'text/plain': { type: 'string' } },
      },
      404: failure('`ERR_INVALID_ENDPOINT`: metrics are not enabled.'),
    },
  },
  openapi: {
    method: 'GET',
    path: OPENAPI_PATH,
    summary: 'This document',
    description: 'The API as OpenAPI 3.1.',
    open: true,
    answers: { 200: { description: 'The document.', body: json({ type: 'object' }) } },
  },
} as const satisfies Record<string, Operation>

export type OperationId = keyof typeof operations
