import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../config/load.ts'
import type { HarborQuota, ImmutableTags } from '../registry/harbor-setup.ts'
import { limitChecks } from './harbor-limits.ts'

const { config } = parseConfig(
  'converter: { driver: { type: estargz }, rules: [{ tag_suffix: -e, cache_tag: cache }] }',
  'config.yaml',
)
const init = { config, project: 'demo', repository: 'team/app', tag: 'v1' }

const said = (
  quota: HarborQuota | undefined,
  rules?: ImmutableTags[],
  more: object = {},
): string[] =>
  limitChecks(quota, rules, { ...init, ...more }).map(({ state, found }) => `${state}: ${found}`)

test('a quota: with room, nearly full, full, and none', () => {
  const found = 'the project demo uses'
  assert.deepEqual(said({ used: 5e9, limit: 10e9 }), [`ok: ${found} 5.00 GB of its 10.0 GB`])
  assert.deepEqual(said({ used: 95e8, limit: 10e9 }), [`warning: ${found} 9.50 GB of its 10.0 GB`])
  assert.deepEqual(said({ used: 10e9, limit: 10e9 }), [
    `failure: ${found} 10.0 GB of its 10.0 GB: every push is refused`,
  ])
  assert.deepEqual(said({ used: 10e9 }), [])
  assert.deepEqual(said(undefined, undefined), [])
})

const rule = (tag: string, repository = '**', excludes = false): ImmutableTags => ({
  repository: { pattern: repository, excludes: false },
  tag: { pattern: tag, excludes },
})

const rules: [string, ImmutableTags, string | undefined][] = [
  ['of all tags', rule('**'), 'the tags v1-e, cache'],
  ['of releases', rule('v*'), 'the tag v1-e'],
  ['of all but results', rule('*-e', '**', true), 'the tag cache'],
  ['of other tags', rule('2*'), undefined],
  ['of this repository', rule('v*', 'team/**'), 'the tag v1-e'],
  ['of another repository', rule('v*', 'other'), undefined],
  ['with a pattern that cannot be read', rule('{'), undefined],
]
for (const [name, one, expected] of rules) {
  test(`immutable tags ${name}`, () => {
    const lines = said(undefined, [one])
    assert.equal(lines.length, expected === undefined ? 0 : 1)
    if (expected !== undefined) assert.ok(lines[0]?.includes(`a rule makes ${expected} immutable`))
  })
}

test('without a tag only that of the cache is known', () => {
  const lines = said(undefined, [rule('**')], { tag: undefined })
  assert.match(lines[0] ?? '', /makes the tag cache immutable/)
})
