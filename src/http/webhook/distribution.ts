import { isIndexType, isManifestType } from '../../oci/media-type.ts'
import { MAX_RESOURCES, type PushedResource, type WebhookEvent } from './event.ts'
import {
  invalidPayload,
  membersOf,
  pushedAt,
  requiredTextOf,
  textOf,
  type Members,
} from './payload.ts'

/** The content type of an envelope: v1 of the registry 2.x, v2 of 3.x. */
export const distributionType = /^application\/vnd\.docker\.distribution\.events\.v\d+\+json$/

/**
 * Notifications of the Docker/CNCF Distribution registry: `{"events": [{"action", "timestamp", "target": {"mediaType", "digest",
 * "repository", "tag"}, "request": {"host"}, "actor": {"name"}}]}`. Only pushes of manifests are of interest; blobs are
 * pushed too, and pulls, mounts and deletions are told as well. The host is what the pushing client called the registry,
 * unless `registry` says how it is called. Throws HTTP_PAYLOAD_INVALID.
 * Source: distribution/distribution notifications/event.go, notifications/bridge.go.
 */
export function distributionEvent(payload: Members, registry: string | undefined): WebhookEvent {
  const { events } = payload
  if (!Array.isArray(events)) throw invalidPayload('events is not a list')
  if (events.length > MAX_RESOURCES)
    throw invalidPayload(`it has more than ${MAX_RESOURCES} events`)
  const actions = new Set<string>()
  const resources: PushedResource[] = []
  for (const value of events) {
    const event = membersOf(value, 'an event')
    const action = requiredTextOf(event, 'action', 'an event')
    const target = membersOf(event['target'], 'target')
    const mediaType = textOf(target, 'mediaType') ?? ''
    if (action === 'push' && (isManifestType(mediaType) || isIndexType(mediaType))) {
      resources.push(resourceOf(event, target, registry))
    } else {
      actions.add(action === 'push' ? 'push of a blob' : action)
    }
  }
  if (resources.length === 0) return { kind: 'other', type: [...actions].join(', ') }
  return { kind: 'push', resources, gathered: true }
}

function resourceOf(event: Members, target: Members, registry: string | undefined): PushedResource {
  const repository = requiredTextOf(target, 'repository', 'target')
  const digest = requiredTextOf(target, 'digest', 'target')
  const host = registry ?? requiredTextOf(membersOf(event['request'], 'request'), 'host', 'request')
  const tag = textOf(target, 'tag')
  const operator = textOf(membersOf(event['actor'] ?? {}, 'actor'), 'name')
  return {
    url: tag === undefined ? `${host}/${repository}@${digest}` : `${host}/${repository}:${tag}`,
    digest,
    ...(operator === undefined ? {} : { operator }),
    ...pushedAt(textOf(event, 'timestamp')),
  }
}
