import type { ConditionConfig } from '../config/rules.ts'
import type { Pattern } from '../pattern/pattern.ts'
import type { ImageFacts, PushFacts } from './facts.ts'

/** Whether something holds: `later` when that depends on what the manifest says and it has not been read. */
export type Holds = 'yes' | 'no' | 'later'

/** Whether a condition holds, and why, in words that end a sentence. */
export interface Finding {
  holds: Holds
  because: string
}

/** Whether all keys of `condition` hold for an image. */
export function judgeCondition(
  condition: ConditionConfig,
  push: PushFacts,
  image: ImageFacts | undefined,
): Finding {
  const findings = [...judgePush(condition, push), ...judgeImage(condition, image)]
  const refused = findings.find(({ holds }) => holds === 'no')
  if (refused !== undefined) return refused
  const open = findings.filter(({ holds }) => holds === 'later')
  const deciding = open.length > 0 ? open : findings
  return {
    holds: open.length > 0 ? 'later' : 'yes',
    because: deciding.map(({ because }) => because).join(', ') || 'it asks for nothing',
  }
}

function judgePush(condition: ConditionConfig, push: PushFacts): Finding[] {
  const { host, repository, tag, operator } = push
  return [
    ...oneOf('host', condition.host, [host]),
    ...oneOf('project', condition.project, [repository.split('/')[0] ?? '']),
    ...oneOf('repository', condition.repository, [repository]),
    ...oneOf('tag', condition.tag, tag === undefined ? [] : [tag]),
    ...oneOf('operator', condition.operator, operator === undefined ? [] : [operator]),
  ]
}

function judgeImage(condition: ConditionConfig, image: ImageFacts | undefined): Finding[] {
  const { platform, mediaType, minSize, maxSize, labels } = condition
  if (image === undefined) {
    const asked = [
      ...(platform.length > 0 ? ['platform'] : []),
      ...(mediaType.length > 0 ? ['media_type'] : []),
      ...(minSize === undefined ? [] : ['min_size']),
      ...(maxSize === undefined ? [] : ['max_size']),
      ...Object.keys(labels).map((name) => `label ${name}`),
    ]
    return asked.map((what) => ({ holds: 'later', because: `the ${what} must be looked up` }))
  }
  // a pattern without a variant means all of them
  const platforms = image.platforms.flatMap((name) => [name, name.split('/', 2).join('/')])
  return [
    ...oneOf('platform', platform, [...new Set(platforms)]),
    ...oneOf('media type', mediaType, image.mediaTypes),
    ...(minSize === undefined ? [] : [compared(image.size, '>=', minSize)]),
    ...(maxSize === undefined ? [] : [compared(image.size, '<=', maxSize)]),
    ...judgeLabels(labels, image.labels),
  ]
}

/** Whether one of `values` matches one of `patterns`; nothing is asked where there are no patterns. */
function oneOf(what: string, patterns: readonly Pattern[], values: readonly string[]): Finding[] {
  if (patterns.length === 0) return []
  for (const value of values) {
    const matching = patterns.find((pattern) => pattern.matches(value))
    if (matching === undefined) continue
    const as = matching.text === value ? '' : `, as ${matching.text} asks`
    return [{ holds: 'yes', because: `the ${what} is ${value}${as}` }]
  }
  const wanted = patterns.map(({ text }) => text).join(' or ')
  const shown = values.length === 0 ? 'not known' : values.slice(0, MAX_SHOWN).join(', ')
  return [{ holds: 'no', because: `the ${what} is ${shown}, not ${wanted}` }]
}

/** Values that a reason names at most. */
const MAX_SHOWN = 4

function compared(size: number, relation: '>=' | '<=', bound: number): Finding {
  const holds = relation === '>=' ? size >= bound : size <= bound
  const bounded = relation === '>=' ? 'at least' : 'at most'
  return {
    holds: holds ? 'yes' : 'no',
    because: `its ${size} bytes are ${holds ? '' : 'not '}${bounded} ${bound}`,
  }
}

function judgeLabels(wanted: ConditionConfig['labels'], images: ImageFacts['labels']): Finding[] {
  return Object.entries(wanted).flatMap(([name, pattern]) => {
    const values = images.flatMap((labels) =>
      Object.hasOwn(labels, name) ? [labels[name] ?? ''] : [],
    )
    return oneOf(`label ${name}`, [pattern], values)
  })
}
