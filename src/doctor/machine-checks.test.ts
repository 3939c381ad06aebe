import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseConfig } from '../config/load.ts'
import { machineChecks, OLDEST_NODE, thisMachine, type Machine } from './machine-checks.ts'

const machine: Machine = { node: '24.1.0', processors: 4, memory: 8e9, limited: false }

const configOf = (keys: string) =>
  parseConfig(`converter: { driver: { type: estargz }, ${keys} }`, 'config.yaml').config

test('a machine as it should be', () => {
  assert.deepEqual(
    machineChecks(machine, configOf('worker: 2')).map(({ state, found }) => `${state} ${found}`),
    [
      'ok Node.js 24.1.0',
      'ok 4 processors and 8.00 GB of memory',
      'ok 2 conversions at once, on 4 threads',
    ],
  )
  assert.equal(machineChecks(machine, undefined).length, 2)
  assert.ok(thisMachine().memory > 0)
})

const wrong: [string, Partial<Machine>, string, RegExp][] = [
  ['an old Node.js', { node: '22.9.0' }, '', /^failure Node.js 22.9.0, expected 24 or newer/],
  [
    'a small container',
    { memory: 256 * 1024 * 1024, limited: true },
    '',
    /^warning 4 processors and 268 MB of memory, as its control group allows, expected 537 MB/,
  ],
  [
    'more threads than processors',
    {},
    'threads: 16',
    /^warning converter.threads is 16, there are 4/,
  ],
  ['too many workers', { processors: 2 }, 'worker: 50', /^warning converter.worker is 50 with 2/],
]
for (const [name, more, keys, expected] of wrong) {
  test(name, () => {
    const findings = machineChecks({ ...machine, ...more }, configOf(keys))
    const bad = findings.filter(({ state }) => state !== 'ok')
    assert.equal(bad.length, 1)
    assert.match(`${bad[0]?.state} ${bad[0]?.found}`, expected)
    assert.ok(bad[0]?.fix)
  })
}

test('the oldest Node.js is the one that the package asks for', () => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { engines } = JSON.parse(text) as { engines: { node: string } }
  assert.equal(engines.node, `>=${OLDEST_NODE}`)
})
