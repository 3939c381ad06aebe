import type { Config } from '../config/schema.ts'
import { compilePattern } from '../pattern/pattern.ts'
import { formatSize } from '../quantity/quantity.ts'
import type { HarborQuota, ImmutableTags } from '../registry/harbor-setup.ts'
import { failure, ok, warning, type Finding } from './check.ts'

/** What of a project is looked at. */
export interface LimitInit {
  config: Config
  project: string
  repository?: string
  tag?: string
}

/** Above this part of a quota, the next results may find no room. */
const NEARLY_FULL = 0.9

/** Whether a project has room for results, and lets their tags be moved when an image is pushed anew. */
export function limitChecks(
  quota: HarborQuota | undefined,
  rules: readonly ImmutableTags[] | undefined,
  init: LimitInit,
): Finding[] {
  return [...quotaChecks(quota, init.project), ...immutableChecks(rules ?? [], init)]
}

function quotaChecks(quota: HarborQuota | undefined, project: string): Finding[] {
  if (quota?.limit === undefined) return []
  const { used, limit } = quota
  const found = `the project ${project} uses ${formatSize(used)} of its ${formatSize(limit)}`
  const fix =
    'in Harbor: Administration > Project Quotas, raise its storage; or remove images and run the garbage collection'
  if (used >= limit) return [failure(`${found}: every push is refused`, fix)]
  if (used > limit * NEARLY_FULL) return [warning(found, fix)]
  return [ok(found)]
}

/** The tags that are written again and again: those of results, and of remote caches. */
function immutableChecks(
  rules: readonly ImmutableTags[],
  { config, project, repository, tag }: LimitInit,
): Finding[] {
  const own = rules.filter(
    (rule) => repository === undefined || selects(rule.repository, repository),
  )
  const tags = config.converter.rules.flatMap(({ tagSuffix, cacheTag }) => [
    ...(tag === undefined || tagSuffix === '' ? [] : [`${tag}${tagSuffix}`]),
    ...(cacheTag === '' ? [] : [cacheTag]),
  ])
  const fixed = [...new Set(tags)].filter((name) => own.some((rule) => selects(rule.tag, name)))
  if (fixed.length === 0) return []
  const many = fixed.length === 1 ? `the tag ${fixed[0]}` : `the tags ${fixed.join(', ')}`
  return [
    warning(
      `in the project ${project} a rule makes ${many} immutable: written once, and refused when it is to be moved`,
      `in Harbor: Projects > ${project} > Policy > Tag Immutability, exclude the tags of results and caches`,
    ),
  ]
}

function selects({ pattern, excludes }: ImmutableTags['tag'], name: string): boolean {
  const compiled = compilePattern(pattern)
  // a pattern of Harbor's that is none of ours says nothing
  return typeof compiled !== 'string' && compiled.matches(name) !== excludes
}
