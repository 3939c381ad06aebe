import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGate } from './gate.ts'

test('no more than its places are in, and those who wait come in order', async () => {
  const gate = createGate(2)
  const first = await gate.enter(undefined, 'a')
  const second = await gate.enter(undefined, 'b')
  const came: string[] = []
  const third = gate.enter(undefined, 'c').then((leave) => (came.push('c'), leave))
  const fourth = gate.enter(undefined, 'd').then((leave) => (came.push('d'), leave))
  await new Promise(setImmediate)
  assert.deepEqual(came, [])
  first()
  first()
  await third
  await new Promise(setImmediate)
  assert.deepEqual(came, ['c'], 'leaving twice frees one place')
  second()
  await fourth
  assert.deepEqual(came, ['c', 'd'])
})

test('who aborts leaves the queue, and takes no place', async () => {
  const gate = createGate(1)
  const leave = await gate.enter(undefined, 'a')
  const controller = new AbortController()
  const waiting = gate.enter(controller.signal, 'blob x')
  const next = gate.enter(undefined, 'c')
  controller.abort()
  await assert.rejects(waiting, { code: 'ABORTED', message: 'blob x was cancelled' })
  await assert.rejects(gate.enter(AbortSignal.abort(), 'd'), { code: 'ABORTED' })
  leave()
  ;(await next)()
  ;(await gate.enter(undefined, 'e'))()
})
