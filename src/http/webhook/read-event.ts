import { CLOUD_EVENT_PUSHED } from '../../api/contract.ts'
import { distributionEvent, distributionType } from './distribution.ts'
import type { PushedResource, WebhookEvent } from './event.ts'
import { harborEvent, harborResources } from './harbor.ts'
import {
  invalidPayload,
  membersOf,
  parsePayload,
  pushedAt,
  requiredTextOf,
  textOf,
} from './payload.ts'
import { ZOT_IMAGE_UPDATED, zotResource } from './zot.ts'

/** A request to `POST /api/v1/conversions`. */
export interface WebhookRequest {
  headers: Pick<Headers, 'get'>
  body: string
}

/** Content types; parameters such as a charset may follow. */
const JSON_TYPE = 'application/json'
const CLOUD_EVENTS_TYPE = 'application/cloudevents+json'

/**
 * Reads what a registry, or a person, says was pushed. The dialects:
 *
 * | content type | told by | sender |
 * |---|---|---|
 * | `application/json` | `type` | Harbor, format `Default`; `accelctl` |
 * | `application/json` | `image` | a person: `{"image": "host/repository:tag"}`, `digest` where it is known |
 * | `application/json` | the header `Ce-Type` | zot, and whoever sends CloudEvents in binary mode |
 * | `application/cloudevents+json` | `type` | Harbor, format `CloudEvents`; structured mode |
 * | `application/vnd.docker.distribution.events.v2+json`, `v1` | `events` | Docker/CNCF Distribution |
 *
 * Members that are not known are ignored. `registry` is the host that the sender speaks for, asked where a dialect does
 * not name one, or not reliably. Throws HTTP_PAYLOAD_INVALID, HTTP_REGISTRY_UNNAMED.
 */
export function readWebhookEvent(
  { headers, body }: WebhookRequest,
  registry: { named: string | undefined; spokenFor: string | undefined },
): WebhookEvent {
  const given = headers.get('content-type') ?? ''
  const type = given.split(';')[0]?.trim().toLowerCase() ?? ''
  const host = registry.named ?? registry.spokenFor
  if (type === CLOUD_EVENTS_TYPE) {
    const event = membersOf(parsePayload(body), 'the payload')
    const told = requiredTextOf(event, 'type', 'the payload')
    const operator = textOf(event, 'operator')
    const sent = { operator, ...pushedAt(textOf(event, 'time')) }
    return cloudEvent(told, event['data'], sent, host)
  }
  if (distributionType.test(type)) {
    return distributionEvent(membersOf(parsePayload(body), 'the payload'), registry.named)
  }
  if (type !== JSON_TYPE) {
    throw invalidPayload(`the content type is ${JSON.stringify(given)}, expected ${JSON_TYPE}`)
  }
  const payload = membersOf(parsePayload(body), 'the payload')
  const told = headers.get('ce-type')
  if (told !== null) {
    const operator = headers.get('ce-operator') ?? undefined
    const sent = { operator, ...pushedAt(headers.get('ce-time') ?? undefined) }
    return cloudEvent(told, payload, sent, host)
  }
  if (payload['type'] === undefined && payload['image'] !== undefined) {
    const digest = textOf(payload, 'digest')
    const url = requiredTextOf(payload, 'image', 'the payload')
    return pushOf([{ url, ...(digest === undefined ? {} : { digest }) }])
  }
  return harborEvent(payload)
}

/** A CloudEvent in either mode. Source: CloudEvents HTTP protocol binding 1.0, sections 3.1 and 3.2. */
function cloudEvent(
  type: string,
  data: unknown,
  sent: { operator: string | undefined; pushedAt?: number },
  registry: string | undefined,
): WebhookEvent {
  switch (type) {
    case CLOUD_EVENT_PUSHED:
      return pushOf(harborResources(membersOf(data, 'data'), sent))
    case ZOT_IMAGE_UPDATED:
      return pushOf([zotResource(membersOf(data, 'data'), sent.pushedAt, registry)])
    default:
      return { kind: 'other', type }
  }
}

function pushOf(resources: PushedResource[]): WebhookEvent {
  return { kind: 'push', resources }
}
