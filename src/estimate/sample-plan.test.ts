import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { planSample } from './sample-plan.ts'

const MIB = 1024 * 1024

test('what is not more than the budget is pulled whole', () => {
  assert.deepEqual(planSample([], MIB), [])
  assert.deepEqual(planSample([MIB, 0, 7 * MIB], 8 * MIB), [MIB, 0, 7 * MIB])
})

test('each layer gives the same share, and a small one enough to say something', () => {
  assert.deepEqual(planSample([100 * MIB, 60 * MIB, 1000, 2 * MIB], 16 * MIB), [
    Math.floor((16 * 100 * MIB * MIB) / (162 * MIB + 1000)),
    Math.floor((16 * 60 * MIB * MIB) / (162 * MIB + 1000)),
    1000,
    MIB / 4,
  ])
})

test('it stays near the budget', () => {
  const sizes = fc.array(fc.nat({ max: 1024 * MIB }), { maxLength: 100 })
  fc.assert(
    fc.property(sizes, fc.integer({ min: MIB, max: 100 * MIB }), (layers, budget) => {
      const planned = planSample(layers, budget)
      const sum = planned.reduce((a, b) => a + b, 0)
      assert(sum <= budget / 0.8 + (layers.length * MIB) / 4, `${sum} of ${budget}`)
      for (const [i, part] of planned.entries()) assert(part >= 0 && part <= layers[i]!)
    }),
  )
})
