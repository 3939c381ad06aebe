import { PUSH_ARTIFACT } from '../../api/contract.ts'
import { MAX_RESOURCES, type PushedResource, type WebhookEvent } from './event.ts'
import { invalidPayload, membersOf, requiredTextOf, textOf, type Members } from './payload.ts'

/**
 * Harbor's format `Default`: `{"type", "occur_at", "operator", "event_data": {"resources": [{"resource_url", "digest", "tag"}]}}`;
 * what `accelctl` sends has `type` and `resource_url` alone. Throws HTTP_PAYLOAD_INVALID.
 * Source: Harbor src/pkg/notifier/model/event.go.
 */
export function harborEvent(payload: Members): WebhookEvent {
  const type = requiredTextOf(payload, 'type', 'the payload')
  if (type !== PUSH_ARTIFACT) return { kind: 'other', type }
  const data = membersOf(payload['event_data'], 'event_data')
  const { occur_at: seconds } = payload
  const resources = harborResources(data, {
    operator: textOf(payload, 'operator'),
    ...(typeof seconds === 'number' ? { pushedAt: seconds * 1000 } : {}),
  })
  return { kind: 'push', resources }
}

/**
 * What was pushed, out of `event_data`; the format `CloudEvents` has the same in `data`. Throws HTTP_PAYLOAD_INVALID.
 * Source: Harbor src/pkg/notifier/formats/cloudevents.go.
 */
export function harborResources(
  data: Members,
  { operator, pushedAt }: { operator: string | undefined; pushedAt?: number },
): PushedResource[] {
  const { resources } = data
  if (!Array.isArray(resources) || resources.length === 0) {
    throw invalidPayload('resources is not a list of what was pushed')
  }
  if (resources.length > MAX_RESOURCES) {
    throw invalidPayload(`it has more than ${MAX_RESOURCES} resources`)
  }
  return resources.map((value) => {
    const resource = membersOf(value, 'a resource')
    const digest = textOf(resource, 'digest')
    return {
      url: requiredTextOf(resource, 'resource_url', 'a resource'),
      ...(digest === undefined ? {} : { digest }),
      ...(operator === undefined ? {} : { operator }),
      ...(pushedAt === undefined ? {} : { pushedAt }),
    }
  })
}
