import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { SlabBudget, type Slab } from './slab-budget.ts'

const size = { input: 600, output: 400 }

/** A budget, the slabs it has granted to each owner, and the ids it has dropped. */
function budget(slabs: number, bytes = 1_000_000) {
  const dropped: number[] = []
  const made = new SlabBudget({ slabs, bytes, onDropped: (ids) => dropped.push(...ids) })
  const granted: { owner: object; slab: Slab }[] = []
  const take = (owner: object, of = size): void =>
    made.take(owner, of, (slab) => granted.push({ owner, slab }))
  return { made, granted, take, dropped }
}

suite('the budget of slabs', () => {
  test('grants up to its number, then as they are given back, the same ones', () => {
    const { made, granted, take } = budget(2)
    const owner = {}
    for (let i = 0; i < 4; i++) take(owner)
    assert.equal(granted.length, 2)
    made.give(granted[0]!.slab)
    assert.equal(granted.length, 3)
    assert.equal(granted[2]!.slab, granted[0]!.slab)
  })

  test('who holds fewest is served first', () => {
    const { made, granted, take } = budget(2)
    const [greedy, modest] = [{}, {}]
    for (let i = 0; i < 4; i++) take(greedy)
    take(modest)
    made.give(granted[0]!.slab)
    assert.equal(granted[2]!.owner, modest)
  })

  test('bytes are a limit as well, but for the only slab', () => {
    const { made, granted, take } = budget(10, 2500)
    const owner = {}
    for (let i = 0; i < 3; i++) take(owner)
    assert.equal(granted.length, 2)
    for (const { slab } of granted.slice()) made.give(slab)
    assert.equal(granted.length, 3)
    const large = budget(10, 100)
    large.take(owner)
    large.take(owner)
    assert.equal(large.granted.length, 1)
  })

  test('free slabs of another size make room', () => {
    const { made, granted, take, dropped } = budget(1)
    take({})
    made.give(granted[0]!.slab)
    take({}, { input: 100, output: 100 })
    assert.equal(granted[1]!.slab.input.byteLength, 100)
    assert.deepEqual(dropped, [granted[0]!.slab.id])
  })

  test('who is gone is not served; what is free can be dropped', () => {
    const { made, granted, take, dropped } = budget(1)
    const [first, gone, next] = [{}, {}, {}]
    take(first)
    take(gone)
    take(next)
    made.cancel(gone)
    made.give(granted[0]!.slab)
    assert.deepEqual(
      granted.map(({ owner }) => owner),
      [first, next],
    )
    made.trim()
    assert.deepEqual(dropped, [])
    made.give(granted[1]!.slab)
    made.give(granted[1]!.slab)
    made.trim()
    assert.deepEqual(dropped, [granted[1]!.slab.id])
  })
})
