import { rawTexts, size, text, type Key, type Parsed } from './key.ts'
import { patterns, patternsByName } from './pattern-key.ts'
import type { Reading } from './reading.ts'
import { listOf, readSection, section } from './section.ts'

const MAX_TAG = 128

/** The rule that upstream's files have: it has no name and no conditions. */
export const DEFAULT_RULE = 'default'

const ruleName = /^[a-z0-9][a-z0-9._-]{0,62}$/

/** The keys of which upstream takes the first value that is not empty, wherever in the list it stands. */
const upstreamKeys = {
  tag_suffix: text({
    fallback: '',
    doc: 'Appended to the tag of the source: `app:v1` becomes `app:v1-esgz`. Needed by `acceld`.',
    check: (suffix) =>
      /^[\w.-]+$/.test(suffix) && suffix.length < MAX_TAG
        ? undefined
        : `${JSON.stringify(suffix)} cannot end a tag: letters, digits, "_", "." and "-" only`,
  }),
  cache_tag: text({
    fallback: '',
    doc: 'Tag, in the repository of the source, of the remote cache image. Empty: no remote cache.',
    check: (tag) =>
      /^\w[\w.-]{0,127}$/.test(tag) ? undefined : `${JSON.stringify(tag)} is not a tag`,
  }),
}

const condition = {
  host: patterns({ doc: 'Host of the registry, as in references.' }),
  project: patterns({ doc: 'First part of the repository: the project of Harbor.' }),
  repository: patterns({ doc: 'Repository without the host: `library/*`, `team/**`.' }),
  tag: patterns({ doc: 'Tag: `v*`, `/^v\\d+$/`.' }),
  operator: patterns({
    doc: 'Account that pushed, as the event names it. No image that is found by a search or named by hand has one.',
  }),
  platform: patterns({
    doc: 'Platform, `linux/arm64`, of one of the images under the tag.',
  }),
  media_type: patterns({ doc: 'Media type of the manifest or index, a config or a layer.' }),
  min_size: size({
    fallback: undefined,
    doc: 'Layers and configs together, as stored, of all platforms that are converted, have at least this size.',
  }),
  max_size: size({ fallback: undefined, doc: 'The same, at most this size.' }),
  labels: patternsByName({
    doc: 'Labels of the image, each with a pattern for its value. All must be there, in one of the images.',
  }),
}

/** What an image must be; all keys that are given must hold. */
export type ConditionConfig = Parsed<typeof condition>

const ruleKeys = {
  name: text({
    fallback: '',
    doc: 'Name of the rule, by which messages, tasks and `accelctl rules test` speak of it. A rule with any key but `tag_suffix` and `cache_tag` must have one.',
    check: (name) =>
      ruleName.test(name)
        ? undefined
        : `${JSON.stringify(name)} is no name: lower-case letters, digits, "_", "." and "-" only`,
  }),
  ...upstreamKeys,
  platforms: text({
    fallback: '',
    doc: 'Platforms to convert, as `converter.platforms` has them. Empty: those of `converter.platforms`.',
  }),
  driver: section('The format, where it is another than that of `converter.driver`.', {
    type: text({ fallback: '', doc: 'Name of the driver. Empty: `converter.driver`.' }),
    config: rawTexts({ doc: "The driver's options." }),
  }),
  when: listOf(
    'Images to which the rule applies: those for which one of these conditions holds. Left out: all.',
    condition,
  ),
  except: listOf('Images to which it does not apply all the same.', condition),
}

/** One rule: of which images something is made, and what. */
export type RuleConfig = Parsed<typeof ruleKeys>

/** `converter.rules`: upstream's list, and rules with a name in the same list. */
export const rules: Key<readonly RuleConfig[]> = {
  form: 'a list of rules',
  shownDefault: undefined,
  doc: [
    'What is made of which images. Every rule that applies to a pushed image makes a result of its own; of rules with the same `tag_suffix` the first that applies does.',
    '',
    `As in older releases, of all items without a \`name\` the first \`tag_suffix\` and the first \`cache_tag\` count: together they are the rule \`${DEFAULT_RULE}\`, which applies to every image. An item with a \`name\` is a rule of its own.`,
    '',
    'A *pattern* is a glob that must match the whole value (`*` any characters but `/`, `**` any characters, `?` one, `{a,b}` either), or a regular expression between slashes that may match anywhere in it (without backreferences and looking around, so that none takes long). `platform`, `media_type`, the sizes and `labels` are known only once the manifest has been read: the task is accepted then and ends without a conversion where they do not hold.',
  ].join('\n'),
  below: { keys: ruleKeys, name: '[]' },
  read(node, reading) {
    const items = reading.items(node).map(({ item, at }) => ({
      rule: readSection(ruleKeys, item, at),
      written: item.kind === 'map' ? item.entries.map((entry) => entry.key) : [],
      at,
    }))
    const named = items.filter(({ rule }) => rule.name !== '')
    checkNames(named)
    const unnamed = items.filter(({ rule }) => rule.name === '')
    const first = unnamed[0]
    const own = first === undefined ? undefined : upstreamRule(unnamed, reading)
    return items.flatMap(({ rule }) => {
      if (rule.name !== '') return [rule]
      return rule === first?.rule && own !== undefined ? [own] : []
    })
  },
}

interface Item {
  rule: RuleConfig
  /** The keys as they stand there. */
  written: readonly string[]
  at: Reading
}

/** The rule that the items without a name make together; none where none has a suffix. */
function upstreamRule(items: readonly Item[], reading: Reading): RuleConfig | undefined {
  for (const { written, at } of items) {
    const others = written.filter(
      (key) => key in ruleKeys && !(key in upstreamKeys) && key !== 'name',
    )
    if (others.length > 0) at.problem(`a rule with ${others.join(', ')} needs a name`)
  }
  const suffixes = items.filter(({ rule }) => rule.tagSuffix !== '')
  for (const { at } of suffixes.slice(1)) {
    at.warning('has no effect: of rules without a name the first tag_suffix counts; give it a name')
  }
  const tagSuffix = suffixes[0]?.rule.tagSuffix ?? ''
  const cacheTag = items.find(({ rule }) => rule.cacheTag !== '')?.rule.cacheTag ?? ''
  if (tagSuffix === '' && cacheTag === '') return undefined
  return { ...readSection(ruleKeys, undefined, reading), name: DEFAULT_RULE, tagSuffix, cacheTag }
}

function checkNames(named: readonly Item[]): void {
  const names = new Set([DEFAULT_RULE])
  for (const { rule, at } of named) {
    if (rule.name === DEFAULT_RULE) {
      at.problem(`the name ${DEFAULT_RULE} is that of the rules without a name`)
    } else if (names.has(rule.name)) at.problem(`another rule is named ${rule.name} as well`)
    if (rule.tagSuffix === '') at.problem('a rule with a name needs a tag_suffix')
    names.add(rule.name)
  }
}
