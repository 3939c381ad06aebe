import { AccelError } from '../../errors/accel-error.ts'
import type { PushedResource } from './event.ts'
import { requiredTextOf, membersOf, textOf, type Members } from './payload.ts'

/** The CloudEvent of a pushed image. Source: zot pkg/extensions/events/common.go. */
export const ZOT_IMAGE_UPDATED = 'zotregistry.image.updated'

/**
 * What was pushed to zot: `{"name", "reference", "digest", "mediaType", "actor": {"name"}}`, where `reference` is a tag
 * or the digest again. zot does not say which registry it is, so `registry` does.
 * Throws HTTP_REGISTRY_UNNAMED, HTTP_PAYLOAD_INVALID. Source: zot pkg/extensions/events/events.go (ImageUpdated).
 */
export function zotResource(
  data: Members,
  pushedAt: number | undefined,
  registry: string | undefined,
): PushedResource {
  const name = requiredTextOf(data, 'name', 'data')
  const reference = requiredTextOf(data, 'reference', 'data')
  if (registry === undefined) throw new AccelError('HTTP_REGISTRY_UNNAMED', { repository: name })
  const digest = textOf(data, 'digest')
  const actor = data['actor'] === undefined ? {} : membersOf(data['actor'], 'actor')
  const operator = textOf(actor, 'name')
  return {
    url: `${registry}/${name}${reference.startsWith('sha256:') ? '@' : ':'}${reference}`,
    ...(digest === undefined ? {} : { digest }),
    ...(operator === undefined ? {} : { operator }),
    ...(pushedAt === undefined ? {} : { pushedAt }),
  }
}
