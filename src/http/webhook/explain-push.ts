import type { Config } from '../../config/schema.ts'
import { findSource } from '../../config/source.ts'
import type { Reference } from '../../oci/reference.ts'
import type { ImageFacts } from '../../rules/facts.ts'
import { judgeRules, type Verdict } from '../../rules/judge.ts'
import type { PushedResource } from './event.ts'
import { planPush, referenceOf } from './push-plan.ts'

/** What would become of one pushed resource. */
export interface PushExplanation {
  reference: Reference
  /** Why nothing would be converted, whatever the rules say. */
  refused?: string
  /** What each rule says of it. */
  verdicts: Verdict[]
}

/**
 * Says what a webhook with `resource` would lead to, without leading to it; with `image`, also what would come of it
 * once its manifest had been read. Throws HTTP_RESOURCE_INVALID.
 */
export function explainPush(
  config: Config,
  resource: PushedResource,
  image?: ImageFacts,
): PushExplanation {
  const reference = referenceOf(resource)
  const facts = { ...reference, operator: resource.operator }
  const verdicts = judgeRules(config.converter.rules, facts, image)
  const unknownHost =
    findSource(config, reference.host) === undefined
      ? `${reference.host} is not in provider.source, the request is refused`
      : undefined
  const plan = planPush(config, resource, { untagged: false })
  const byRules = judgeRules(config.converter.rules, facts).every(({ holds }) => holds === 'no')
  const refused = unknownHost ?? ('skipped' in plan && !byRules ? plan.skipped : undefined)
  return { reference, verdicts, ...(refused === undefined ? {} : { refused }) }
}
