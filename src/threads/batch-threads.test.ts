import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { isAccelError } from '../errors/accel-error.ts'
import type { BatchWork } from '../testing/thread-modules/batch.ts'
import { BatchThreads } from './batch-threads.ts'
import { moduleBeside } from './start-thread.ts'

const MODULE = moduleBeside(import.meta.url, '../testing/thread-modules/batch')

suite('a batch thread that dies', () => {
  let threads: BatchThreads
  let slabs = 0
  beforeEach(() => {
    threads = new BatchThreads(1, { niceness: 0 })
  })
  afterEach(() => threads.close())

  function batch(owner: object, byte: number, work: BatchWork = {}, module = MODULE) {
    const input = new SharedArrayBuffer(1)
    new Uint8Array(input)[0] = byte
    const slab = { id: ++slabs, input, output: new SharedArrayBuffer(1) }
    return { owner, what: `layer ${byte}`, slab, call: { module, data: work } }
  }

  /** Hands out a batch of a layer; gives what became of it. */
  function submit(...of: Parameters<typeof batch>): Promise<unknown> {
    return new Promise((onResult, onError) => {
      threads.submit({ ...batch(...of), onResult, onError })
    })
  }

  /** Says that a batch failed with its thread. */
  function died(error: unknown, layer: number): true {
    assert(isAccelError(error, 'DRIVER_THREAD_DIED'))
    assert.deepEqual(error.context, { what: `layer ${layer}`, cause: 'it exited with code 9' })
    return true
  }

  test('fails the batch that it worked on, and no other', async () => {
    // two of them are at the thread, one waits for it
    const failing = assert.rejects(submit({}, 1, { does: 'exit' }), (error) => died(error, 1))
    assert.deepEqual(await Promise.all([submit({}, 2), submit({}, 3)]), [2, 3])
    await failing
  })

  test('leaves nothing to do for a layer that ends with its batch', async () => {
    const layer = {}
    const { promise: cancelled, resolve } = Promise.withResolvers<string[]>()
    const onError = () => resolve(threads.cancel(layer).map(({ what }) => what))
    threads.submit({ ...batch(layer, 1, { does: 'exit' }), onError, onResult: assert.fail })
    void submit(layer, 2).finally(assert.fail)
    assert.deepEqual(await cancelled, ['layer 2'])
  })

  test('keeps the order of what was behind it', async () => {
    const done: number[] = []
    const layer = {}
    const note = async (byte: number, work?: BatchWork): Promise<void> => {
      await submit(layer, byte, work).catch(() => {})
      done.push(byte)
    }
    await Promise.all([note(1, { does: 'exit' }), note(2), note(3), note(4)])
    assert.deepEqual(done, [1, 2, 3, 4])
  })

  test('fails a batch that it could not load too, so that there is an end', async () => {
    const module = `data:text/javascript,process.exit(9)`
    await assert.rejects(submit({}, 1, {}, module), (error) => died(error, 1))
    assert.equal(await submit({}, 2), 2)
  })

  test('has answered what it had finished', async (t) => {
    if (process.platform !== 'linux') return t.skip('threads cannot be seen from outside here')
    await submit({}, 0)
    const thread = new Int32Array(new SharedArrayBuffer(4))
    const both = [submit({}, 1), submit({}, 2, { does: 'throw-afterwards', thread })]
    // the thread answers and dies before this one listens
    Atomics.wait(thread, 0, 0)
    while (existsSync(`/proc/self/task/${thread[0]}`));
    assert.deepEqual(await Promise.all(both), [1, 2])
    // sent to the dead thread, of whose death nothing is known yet
    assert.equal(await submit({}, 3), 3)
  })
})
