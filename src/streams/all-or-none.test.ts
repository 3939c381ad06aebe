import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { allOrNone } from './all-or-none.ts'

/** Work that lasts until it is aborted, and a moment longer. */
async function endless(signal: AbortSignal, ended: () => void): Promise<never> {
  await once(signal, 'abort')
  await new Promise(setImmediate)
  ended()
  throw new Error('stopped')
}

const never = new AbortController().signal

test('what all gave comes in the order in which they were begun', async () => {
  const { promise, resolve } = Promise.withResolvers<string>()
  const all = allOrNone(never, () => [promise, Promise.resolve('second')])
  resolve('first')
  assert.deepEqual(await all, ['first', 'second'])
})

test('the first failure stops the others, and is thrown when all have ended and what was done is undone', async () => {
  const order: string[] = []
  const first = new Error('first')
  await assert.rejects(
    allOrNone(
      never,
      (signal) => [
        endless(signal, () => order.push('ended')),
        Promise.resolve('done'),
        Promise.reject(first),
      ],
      async (done) => order.push(`undone ${done.join()}`),
    ),
    first,
  )
  assert.deepEqual(order, ['ended', 'undone done'])
})

test('it is aborted as a whole', async () => {
  const controller = new AbortController()
  const all = allOrNone(controller.signal, (signal) => [endless(signal, () => {})])
  controller.abort()
  await assert.rejects(all, { message: 'stopped' })
})
