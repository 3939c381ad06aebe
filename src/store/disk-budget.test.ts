import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAccelError } from '../errors/accel-error.ts'
import { settled } from '../testing/settled.ts'
import { DiskBudget } from './disk-budget.ts'

/** A disk with `free` bytes, and who got room on it, in order. */
function disk(free: number, size = free) {
  const got: string[] = []
  const waited: string[] = []
  const budget = new DiskBudget('/work', async () => ({ free, size }))
  return {
    got,
    waited,
    async reserve(name: string, bytes: number, signal = new AbortController().signal) {
      const room = await budget.reserve(bytes, { signal, onWait: () => waited.push(name) })
      got.push(name)
      return room
    },
    wrote: (bytes: number) => void (free -= bytes),
  }
}

test('who does not fit waits for others, and nobody is overtaken', async () => {
  const { reserve, got, waited } = disk(100)
  const a = await reserve('a', 60)
  const b = reserve('b', 60)
  const c = reserve('c', 10)
  await settled()
  assert.deepEqual([got, waited], [['a'], ['b', 'c']])
  a[Symbol.dispose]()
  await Promise.all([b, c])
  assert.deepEqual(got, ['a', 'b', 'c'])
})

test('who is let in at once is not told to wait, though another is looked at', async () => {
  const { reserve, waited } = disk(100)
  await Promise.all([reserve('a', 10), reserve('b', 10), reserve('c', 10)])
  assert.deepEqual(waited, [])
})

test('what is written already does not count twice', async () => {
  const { reserve, got, wrote } = disk(100)
  const a = await reserve('a', 60)
  wrote(60)
  a.used(60)
  await reserve('b', 40)
  assert.deepEqual(got, ['a', 'b'])
})

test('what can never fit fails at once, with the figures; so does what does not fit now that nobody holds anything', async () => {
  const { reserve } = disk(100, 200)
  await assert.rejects(reserve('a', 201), (error) => {
    assert.ok(isAccelError(error, 'STORE_TOO_SMALL'))
    assert.deepEqual(error.context, { path: '/work', needed: 201, size: 200 })
    return true
  })
  await assert.rejects(reserve('a', 101), (error) => isAccelError(error, 'STORE_FULL'))
  await reserve('b', 100)
})

test('who gives up leaves the line to others, who do not overtake those before', async () => {
  const { reserve, got } = disk(100)
  const a = await reserve('a', 100)
  const abort = new AbortController()
  const b = reserve('b', 50)
  const c = assert.rejects(reserve('c', 50, abort.signal), /cancelled/)
  const d = reserve('d', 50)
  abort.abort(new Error('cancelled'))
  await c
  await settled()
  assert.deepEqual(got, ['a'])
  a[Symbol.dispose]()
  await Promise.all([b, d])
  assert.deepEqual(got, ['a', 'b', 'd'])
})
