import { DEFAULT_RULE } from '../../config/rules.ts'
import type { Config } from '../../config/schema.ts'
import { findSource } from '../../config/source.ts'
import { AccelError } from '../../errors/accel-error.ts'
import { isDigest, type Digest } from '../../oci/digest.ts'
import { formatReference, parseReference, type Reference } from '../../oci/reference.ts'
import { judgeRules, type Verdict } from '../../rules/judge.ts'
import type { TaskOrder } from '../../tasks/task.ts'
import type { PushedResource } from './event.ts'

/** What is to be done about one pushed resource: a task for each rule that applies or may apply, or nothing. */
export type PlannedPush =
  | { reference: Reference; orders: TaskOrder[] }
  | { reference: Reference; skipped: string }

/** Tags by which signatures, attestations and referrers hang on an image: cosign, and the referrers tag schema of the distribution-spec. */
const attachedTag = /^sha256-[0-9a-f]{64}(\.|$)/

/** `resource_url` of a push by digest, as Harbor wrote it in 2020 (goharbor/harbor#11713). */
const colonDigest = /:(?=sha256:[0-9a-f]{64}$)/

/**
 * The image that `resource` names: always one of a registry. What would be a file elsewhere in the program, such as
 * `oci:name`, is a repository of Docker Hub here. Throws HTTP_RESOURCE_INVALID.
 */
export function referenceOf(resource: PushedResource): Reference {
  try {
    const reference = parseReference(resource.url.replace(colonDigest, '@'))
    if (resource.digest === undefined || isDigest(resource.digest)) return reference
  } catch (cause) {
    throw invalid(resource, cause instanceof Error ? cause.message : String(cause), cause)
  }
  throw invalid(resource, 'its digest is not a digest')
}

/**
 * Decides whether a push is to be converted. Skipped are: what the service itself pushed, as the operator of the
 * event tells; what hangs on another image; and, unless `untagged`, what was pushed by digest alone: the members of
 * every index are, and a target's tag could not be made for them; and what no rule applies to.
 */
export function planPush(
  config: Config,
  resource: PushedResource,
  init: { untagged: boolean },
): PlannedPush {
  const reference = referenceOf(resource)
  const skipped =
    ownPush(config, resource, reference) ??
    attached(reference) ??
    (init.untagged ? undefined : untagged(reference))
  if (skipped !== undefined) return { reference, skipped }
  const verdicts = judgeRules(config.converter.rules, {
    ...reference,
    operator: resource.operator,
  })
  const orders = verdicts
    .filter(({ holds }) => holds !== 'no')
    .map(({ rule }) => orderOf(config, reference, resource, rule.name))
  return orders.length > 0 ? { reference, orders } : { reference, skipped: noRule(verdicts) }
}

function noRule(verdicts: readonly Verdict[]): string {
  const reasons = verdicts.map(({ rule, because }) => `not ${rule.name}, ${because}`)
  return `no rule applies: ${reasons.join('; ') || 'there is none'}`
}

function ownPush(
  config: Config,
  { operator }: PushedResource,
  reference: Reference,
): string | undefined {
  const source = findSource(config, reference.host)?.source
  if (source?.auth === undefined || !source.webhook.skipOwnPushes) return undefined
  return operator === source.auth.username
    ? `it was pushed by ${operator}, the account of the service`
    : undefined
}

function attached(reference: Reference): string | undefined {
  return reference.tag !== undefined && attachedTag.test(reference.tag)
    ? 'its tag says that it belongs to another image'
    : undefined
}

function untagged(reference: Reference): string | undefined {
  return reference.tag === undefined && reference.digest !== undefined
    ? 'it was pushed by digest, without a tag'
    : undefined
}

function orderOf(
  config: Config,
  reference: Reference,
  resource: PushedResource,
  rule: string,
): TaskOrder {
  const digest = reference.digest ?? (resource.digest as Digest | undefined)
  const { host, repository, tag } = reference
  const image = `${host}/${repository}:${tag ?? reference.digest ?? 'latest'}`
  const { operator, pushedAt } = resource
  return {
    source: formatReference(reference),
    // tasks are counted and shown by the registry, however the reference spells it
    host: findSource(config, host)?.name ?? host,
    lane: rule === DEFAULT_RULE ? image : `${image} by ${rule}`,
    rule,
    repository: `${host}/${repository}`,
    ...(digest === undefined ? {} : { digest }),
    ...(operator === undefined ? {} : { operator }),
    ...(pushedAt === undefined ? {} : { pushedAt }),
  }
}

function invalid(resource: PushedResource, problem: string, cause?: unknown): AccelError {
  return new AccelError('HTTP_RESOURCE_INVALID', { resource: resource.url, problem }, { cause })
}
