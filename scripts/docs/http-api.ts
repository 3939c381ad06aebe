import { operations, type Operation } from '../../src/api/operations.ts'
import { schemas, type Schema } from '../../src/api/schemas.ts'
import { type Page, table } from './page.ts'

const intro = `# HTTP API

What \`acceld\` serves, on \`server.host:server.port\` or the Unix domain socket \`server.uds\`. The routes of
goharbor/acceleration-service are answered with the same bytes; everything else is an addition under the same prefix.
Programs find all of this in \`/api/v1/openapi.json\` (OpenAPI 3.1); people see it at \`/\`, a page that uses these routes alone.

## Who may ask

| Authorization header | allows |
| --- | --- |
| \`server.api_token\`, alone or as \`Bearer <token>\` | everything, for every configured registry |
| the \`webhook.auth_header\` of a registry, to the letter | that registry: its webhooks, and its tasks |
| none | nothing; over the Unix domain socket everything; with \`server.allow_unauthenticated: true\` the registries that have no \`auth_header\`, under a [name of the service](security.md#who-may-ask-for-what) |
| anything else | nothing |

Headers are compared in constant time. Only images of configured registries are taken; a caller does not see the tasks
of registries that it may not use.

## Events of registries

\`POST /api/v1/conversions\` tells them apart by content type:

| content type | sender |
| --- | --- |
| \`application/json\` with \`type\` | Harbor, format \`Default\`; \`accelctl\` |
| \`application/json\` with \`image\` | a person: \`{"image": "host/repository:tag"}\` |
| \`application/json\` with the header \`Ce-Type\` | zot (its \`http\` event sink), CloudEvents in binary mode |
| \`application/cloudevents+json\` | Harbor, format \`CloudEvents\` |
| \`application/vnd.docker.distribution.events.v1+json\`, \`v2\` | Docker/CNCF Distribution (\`notifications.endpoints\`) |

zot does not say which registry it is: the one whose \`auth_header\` it sends, or \`?registry=host[:port]\` in the sink's
address. Distribution says what its client called it; \`?registry=\` overrides that. Every event is stored before it is
answered, far inside Harbor's 3 seconds; what is understood but not converted is answered 200.

## Waiting for the end

\`?sync=true\` answers when the conversion has ended, as upstream does. A proxy may give up before: the conversion goes
on all the same. Better: send \`Prefer: respond-async\`, take the task's \`id\` from the 202, and follow
\`/api/v1/conversions/{id}/events\` with \`Accept: text/event-stream\`. A comment every 15 seconds keeps the connection
alive, and one that breaks goes on behind the \`Last-Event-ID\`, also after a restart of the service. \`accelctl task
create --sync\` and \`accelctl task watch\` do that.

This page is made from \`src/api/operations.ts\` and \`src/api/schemas.ts\`: \`npm run docs\`.`

/** `docs/http-api.md`: every operation, and the bodies. */
export const httpApiPage: Page = {
  path: 'docs/http-api.md',
  render() {
    const routes = Object.values<Operation>(operations).map(section)
    const bodies = Object.entries<Schema>(schemas).flatMap(([name, schema]) => body(name, schema))
    return `${[intro, '## Routes', ...routes, '## Bodies', ...bodies].join('\n\n')}\n`
  },
}

function section(operation: Operation): string {
  const { method, path, summary, description, parameters = [], body: bodies, answers } = operation
  const open = operation.open ? ' Needs no authorization.' : ''
  return [
    `### \`${method} ${path}\``,
    `${summary}. ${description}${open}`,
    ...(parameters.length === 0
      ? []
      : [
          table(
            ['parameter', 'in', 'type', 'meaning'],
            parameters.map((one) => [
              `\`${one.name}\``,
              one.in,
              typeOf(one.schema),
              one.description,
            ]),
          ),
        ]),
    ...(bodies === undefined
      ? []
      : [
          table(
            ['body', 'form'],
            Object.entries(bodies).map(([type, schema]) => [`\`${type}\``, typeOf(schema)]),
          ),
        ]),
    table(
      ['status', 'meaning', 'body'],
      Object.entries(answers).map(([status, answer]) => [
        status,
        answer.description,
        Object.entries(answer.body ?? {})
          .map(([type, schema]) => (type === 'application/json' ? typeOf(schema) : `\`${type}\``))
          .join(', '),
      ]),
    ),
  ].join('\n\n')
}

function body(name: string, schema: Schema): string[] {
  const properties = schema['properties'] as Record<string, Schema> | undefined
  if (properties === undefined) return []
  const required = schema['required'] as readonly string[]
  const rows = Object.entries(properties).map(([member, value]) => [
    `\`${member}\`${required.includes(member) ? '' : ' (optional)'}`,
    typeOf(value),
    String(value['description'] ?? ''),
  ])
  return [`### ${name}`, String(schema['description']), table(['member', 'type', 'meaning'], rows)]
}

function typeOf(schema: Schema): string {
  const { $ref: ref, type, items, anyOf, const: constant, enum: words, format } = schema
  if (typeof ref === 'string') return ref.slice(ref.lastIndexOf('/') + 1)
  if (Array.isArray(anyOf)) return anyOf.map((one) => typeOf(one as Schema)).join(' or ')
  if (constant !== undefined) return `\`${JSON.stringify(constant)}\``
  if (Array.isArray(words)) return words.map((word) => `\`${String(word)}\``).join(', ')
  if (type === 'array') return `list of ${typeOf(items as Schema)}`
  if (format === 'date-time') return 'time'
  return String(type)
}
