import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { inParallel } from './in-parallel.ts'

test('results come in the order of the items, and no more than the limit run at a time', async () => {
  let running = 0
  let most = 0
  const results = await inParallel([5, 1, 4, 2, 3], 2, async (turns) => {
    most = Math.max(most, ++running)
    for (let i = 0; i < turns; i++) await turn()
    running--
    return turns * 10
  })
  assert.deepEqual(results, [50, 10, 40, 20, 30])
  assert.equal(most, 2)
  assert.deepEqual(await inParallel([], 0, () => Promise.reject(new Error('nothing to do'))), [])
})

test('after a failure nothing is begun, and what was begun ends first', async () => {
  const ended: number[] = []
  const running = inParallel([1, 2, 3, 4], 2, async (item) => {
    if (item === 1) throw new Error('first')
    for (let i = 0; i < 5; i++) await turn()
    ended.push(item)
  })
  await assert.rejects(running, /first/)
  assert.deepEqual(ended, [2])
})
