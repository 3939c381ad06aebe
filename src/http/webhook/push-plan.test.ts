import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../config/load.ts'
import { planPush } from './push-plan.ts'

const { config } = parseConfig(
  `provider: { source: { harbor.test: {} } }
converter:
  driver: { type: estargz }
  rules:
    - tag_suffix: -esgz
    - { name: release, tag_suffix: -zstd, when: [{ project: demo, tag: v* }] }
    - { name: arm, tag_suffix: -arm, when: [{ platform: linux/arm64 }], except: [{ operator: ci }] }
`,
  'config.yaml',
)

function ordered(url: string, operator = 'alice'): string[] | string {
  const plan = planPush(config, { url, operator }, { untagged: false })
  if ('skipped' in plan) return plan.skipped
  return plan.orders.map(({ rule, lane }) => `${rule}: ${lane}`)
}

test('one push makes a task for each rule that applies or may apply', () => {
  assert.deepEqual(ordered('harbor.test/demo/app:v1'), [
    'default: harbor.test/demo/app:v1',
    'release: harbor.test/demo/app:v1 by release',
    'arm: harbor.test/demo/app:v1 by arm',
  ])
  assert.deepEqual(ordered('harbor.test/other/app:v1', 'ci'), ['default: harbor.test/other/app:v1'])
})

test('a push that no rule wants is left alone, with the reason of each', () => {
  const own = parseConfig(
    `converter: { driver: { type: estargz }, rules: [
      { name: a, tag_suffix: -a, when: [{ tag: v* }] },
      { name: b, tag_suffix: -b, except: [{ project: demo }] } ] }`,
    'config.yaml',
  ).config
  const plan = planPush(own, { url: 'harbor.test/demo/app:x' }, { untagged: false })
  assert.equal(
    'skipped' in plan && plan.skipped,
    'no rule applies: not a, the tag is x, not v*; not b, it is excepted: the project is demo',
  )
})
