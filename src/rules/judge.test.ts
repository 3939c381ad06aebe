import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../config/load.ts'
import type { RuleConfig } from '../config/rules.ts'
import type { ImageFacts, PushFacts } from './facts.ts'
import { judgeRules } from './judge.ts'

function rulesOf(yaml: string): readonly RuleConfig[] {
  const text = `converter: { driver: { type: estargz }, rules: ${yaml} }`
  return parseConfig(text, 'config.yaml').config.converter.rules
}

const push: PushFacts = {
  host: 'harbor.test',
  repository: 'demo/team/app',
  tag: 'v1.2',
  operator: 'alice',
}

const image: ImageFacts = {
  mediaTypes: [
    'application/vnd.oci.image.index.v1+json',
    'application/vnd.oci.image.layer.v1.tar+zstd',
  ],
  platforms: ['linux/amd64', 'linux/arm64/v8'],
  size: 2_000_000,
  labels: [{ team: 'blue' }, { team: 'red', empty: '' }],
}

/** What the one rule with these conditions says, in short. */
function verdict(
  conditions: string,
  facts: { push?: Partial<PushFacts>; image?: ImageFacts } = {},
) {
  const rules = rulesOf(`[{ name: r, tag_suffix: -r, ${conditions} }]`)
  const [found] = judgeRules(rules, { ...push, ...facts.push }, facts.image)
  assert.ok(found)
  return `${found.holds}: ${found.because}`
}

test('the rule of earlier releases applies to every image', () => {
  const [found] = judgeRules(rulesOf('[{ tag_suffix: -e }]'), push)
  assert.deepEqual([found?.rule.name, found?.holds], ['default', 'yes'])
})

const ofPush: [conditions: string, verdict: string][] = [
  ['when: [{ project: demo }]', 'yes: the project is demo'],
  ['when: [{ project: [a*, d*] }]', 'yes: the project is demo, as d* asks'],
  ['when: [{ repository: demo/* }]', 'no: the repository is demo/team/app, not demo/*'],
  ['when: [{ repository: "demo/**", tag: "/^v\\\\d+$/" }]', 'no: the tag is v1.2, not /^v\\d+$/'],
  [
    'when: [{ repository: "**/app", tag: v*, host: harbor.test }]',
    'yes: the host is harbor.test, the repository is demo/team/app, as **/app asks, the tag is v1.2, as v* asks',
  ],
  ['when: [{ operator: bob }, { tag: v1* }]', 'yes: the tag is v1.2, as v1* asks'],
  [
    'when: [{ operator: bob }, { tag: x }]',
    'no: the operator is alice, not bob; the tag is v1.2, not x',
  ],
  ['except: [{ tag: "*.2" }]', 'no: it is excepted: the tag is v1.2, as *.2 asks'],
  ['except: [{ tag: "*.3" }]', 'yes: it applies to every image'],
  ['when: [{}]', 'yes: it asks for nothing'],
]

test('conditions on what the event tells are decided at once', () => {
  for (const [conditions, expected] of ofPush) assert.equal(verdict(conditions), expected)
})

test('what the event does not tell does not hold', () => {
  assert.equal(
    verdict('when: [{ tag: "*" }]', { push: { tag: undefined } }),
    'no: the tag is not known, not *',
  )
  assert.equal(
    verdict('when: [{ operator: "*" }]', { push: { operator: undefined } }),
    'no: the operator is not known, not *',
  )
})

const ofImage: [conditions: string, before: string, after: string][] = [
  ['when: [{ platform: linux/arm64 }]', 'later: the platform must be looked up', 'yes: the platform is linux/arm64'],
  ['when: [{ platform: linux/arm64/v7 }]', 'later: the platform must be looked up', 'no: the platform is linux/amd64, linux/arm64/v8, linux/arm64, not linux/arm64/v7'],
  ['when: [{ media_type: "*/**+zstd" }]', 'later: the media_type must be looked up', 'yes: the media type is application/vnd.oci.image.layer.v1.tar+zstd, as */**+zstd asks'],
  ['when: [{ min_size: 2MB }]', 'later: the min_size must be looked up', 'yes: its 2000000 bytes are at least 2000000'],
  ['when: [{ max_size: 1MB }]', 'later: the max_size must be looked up', 'no: its 2000000 bytes are not at most 1000000'],
  ['when: [{ labels: { team: red, empty: "" } }]', 'later: the label team must be looked up, the label empty must be looked up', 'yes: the label team is red, the label empty is '],
  ['when: [{ labels: { other: "*" } }]', 'later: the label other must be looked up', 'no: the label other is not known, not *'],
  ['when: [{ labels: { toString: "*" } }]', 'later: the label toString must be looked up', 'no: the label toString is not known, not *'],
  ['except: [{ min_size: 1MB }]', 'later: whether it is excepted is open: the min_size must be looked up', 'no: it is excepted: its 2000000 bytes are at least 1000000'],
  ['when: [{ tag: x }, { max_size: 1GB }]', 'later: the max_size must be looked up', 'yes: its 2000000 bytes are at most 1000000000'],
] // prettier-ignore

test('conditions on the image are open until its manifest has been read', () => {
  for (const [conditions, before, after] of ofImage) {
    assert.equal(verdict(conditions), before)
    assert.equal(verdict(conditions, { image }), after)
  }
})

test('a condition that the event refuses needs no manifest', () => {
  assert.equal(verdict('when: [{ tag: x, platform: linux/amd64 }]'), 'no: the tag is v1.2, not x')
})

test('several rules apply; of those that make one tag the first does', () => {
  const rules = rulesOf(`[
    { tag_suffix: -e },
    { name: zstd, tag_suffix: -z, when: [{ platform: linux/s390x }] },
    { name: rest, tag_suffix: -z },
    { name: same, tag_suffix: -e, when: [{ tag: v* }] },
  ]`)
  const said = (facts?: ImageFacts) =>
    judgeRules(rules, push, facts).map(({ rule, holds }) => `${rule.name} ${holds}`)
  assert.deepEqual(said(), ['default yes', 'zstd later', 'rest later', 'same no'])
  assert.deepEqual(said(image), ['default yes', 'zstd no', 'rest yes', 'same no'])
  const s390x = { ...image, platforms: ['linux/s390x'] }
  assert.deepEqual(said(s390x), ['default yes', 'zstd yes', 'rest no', 'same no'])
})
