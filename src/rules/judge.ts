import type { ConditionConfig, RuleConfig } from '../config/rules.ts'
import { judgeCondition, type Finding } from './condition.ts'
import type { ImageFacts, PushFacts } from './facts.ts'

/** What one rule says of an image. */
export interface Verdict extends Finding {
  rule: RuleConfig
}

/**
 * What each of `rules` says of an image, in their order. Without `image`, rules that ask for what only the manifest
 * tells answer `later`. Of rules that make the same tag the first that applies does.
 */
export function judgeRules(
  rules: readonly RuleConfig[],
  push: PushFacts,
  image?: ImageFacts,
): Verdict[] {
  const verdicts: Verdict[] = []
  for (const rule of rules) {
    const own = judgeRule(rule, push, image)
    const earlier = verdicts.filter(
      (verdict) => verdict.holds !== 'no' && verdict.rule.tagSuffix === rule.tagSuffix,
    )
    verdicts.push({ rule, ...(own.holds === 'no' ? own : behind(earlier, own)) })
  }
  return verdicts
}

function judgeRule(rule: RuleConfig, push: PushFacts, image: ImageFacts | undefined): Finding {
  if (rule.tagSuffix === '') return { holds: 'no', because: 'it has no tag_suffix' }
  const of = (condition: ConditionConfig): Finding => judgeCondition(condition, push, image)
  const excluded = rule.except.map(of)
  const out = excluded.find(({ holds }) => holds === 'yes')
  if (out !== undefined) return { holds: 'no', because: `it is excepted: ${out.because}` }
  const asked = wanted(rule.when.map(of))
  const open = excluded.find(({ holds }) => holds === 'later')
  if (asked.holds !== 'yes' || open === undefined) return asked
  return { holds: 'later', because: `whether it is excepted is open: ${open.because}` }
}

/** One of the conditions must hold; without any every image is meant. */
function wanted(conditions: readonly Finding[]): Finding {
  if (conditions.length === 0) return { holds: 'yes', because: 'it applies to every image' }
  const found =
    conditions.find(({ holds }) => holds === 'yes') ??
    conditions.find(({ holds }) => holds === 'later')
  if (found !== undefined) return found
  return { holds: 'no', because: conditions.map(({ because }) => because).join('; ') }
}

/** What becomes of a rule whose tag rules before it make as well. */
function behind(earlier: readonly Verdict[], own: Finding): Finding {
  const first = earlier.find(({ holds }) => holds === 'yes')
  if (first !== undefined) {
    return { holds: 'no', because: `the rule ${first.rule.name} before it makes the same tag` }
  }
  const open = earlier[0]
  if (open === undefined) return own
  return {
    holds: 'later',
    because: `the rule ${open.rule.name} before it may make the same tag: ${open.because}`,
  }
}
