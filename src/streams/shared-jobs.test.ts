import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SharedJobs } from './shared-jobs.ts'

const never = new AbortController().signal

function counted() {
  const disposed: string[] = []
  let started = 0
  const jobs = new SharedJobs<string>(async (value) => void disposed.push(value))
  const gate = Promise.withResolvers<string>()
  const work = (): Promise<string> => {
    started += 1
    return gate.promise
  }
  return { jobs, disposed, gate, work, started: () => started }
}

test('work of one key is done once and disposed of by the last holder', async () => {
  const { jobs, disposed, gate, work, started } = counted()
  const both = [jobs.join('k', never, work), jobs.join('k', never, work)]
  gate.resolve('result')
  const [a, b] = await Promise.all(both)
  assert.equal(started(), 1)
  assert.equal(a!.value, 'result')
  await a!.release()
  await a!.release()
  assert.deepEqual(disposed, [])
  await b!.release()
  assert.deepEqual(disposed, ['result'])
  assert.equal(jobs.size, 0)
})

test('work goes on while one of two waits, and is aborted when both have left', async () => {
  const jobs = new SharedJobs<string>(async () => {})
  const [one, two] = [new AbortController(), new AbortController()]
  let aborted = false
  const work = (signal: AbortSignal): Promise<string> =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        aborted = true
        reject(signal.reason as Error)
      })
    })
  const first = jobs.join('k', one.signal, work)
  const second = jobs.join('k', two.signal, work)
  one.abort(new Error('gone'))
  await assert.rejects(first, /gone/)
  assert.equal(aborted, false)
  two.abort(new Error('gone too'))
  await assert.rejects(second, /gone too/)
  assert.equal(aborted, true)
  assert.equal(jobs.size, 0)
})

test('failed work is forgotten, so that the next one tries again', async () => {
  const jobs = new SharedJobs<string>(async () => {})
  await assert.rejects(
    jobs.join('k', never, () => Promise.reject(new Error('broken'))),
    /broken/,
  )
  const held = await jobs.join('k', never, () => Promise.resolve('fine'))
  assert.equal(held.value, 'fine')
  await held.release()
})
