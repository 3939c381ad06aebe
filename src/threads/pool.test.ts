import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { getPriority } from 'node:os'
import { after, before, suite, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { AccelError } from '../errors/accel-error.ts'
import type { LayerWork } from '../testing/thread-modules/layer.ts'
import type { LayerJob } from './layer-run.ts'
import { SOURCE_PIECE_SIZE } from './messages.ts'
import { createThreadPool, type ThreadPool } from './pool.ts'
import { foundOnce, sharedFacts } from './shared-facts.ts'
import { moduleBeside } from './start-thread.ts'

const LAYER = moduleBeside(import.meta.url, '../testing/thread-modules/layer')

async function* pieces(...sizes: number[]): AsyncGenerator<Uint8Array> {
  for (const size of sizes) yield new Uint8Array(size).fill(size % 251)
}

/** A source that gives one piece and then nothing, until it is closed. */
function stalled(): { open: LayerJob['open']; opened: Promise<void>; closed: Promise<void> } {
  const { promise: opened, resolve: onOpen } = Promise.withResolvers<void>()
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  async function* open(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    onOpen()
    try {
      yield new Uint8Array(10)
      const { promise, reject } = Promise.withResolvers<never>()
      signal.addEventListener('abort', () => reject(signal.reason as Error))
      await promise
    } finally {
      resolve()
    }
  }
  return { open, opened, closed }
}

function job(work: LayerWork, change: Partial<LayerJob> = {}): LayerJob {
  return {
    what: 'layer 1',
    call: { module: LAYER, data: work },
    open: () => pieces(1000),
    slabSize: { input: 4096, output: 4096 },
    signal: new AbortController().signal,
    ...change,
  }
}

const small = { batchThreads: 1, layerThreads: 1 }

test('threads stand back behind the main thread as far as they are told', async (t) => {
  if (process.platform !== 'linux') return t.skip('threads have no priority of their own here')
  const main = getPriority()
  for (const niceness of [0, 3]) {
    await using pool = createThreadPool({ batchThreads: 1, layerThreads: 1, niceness })
    assert.equal(await pool.run(job({ does: 'priority' })), Math.min(19, main + niceness))
    assert.equal(getPriority(), main)
  }
})

test('a thread can be prepared: it loads a module before there is a job, and all threads know what it finds', async () => {
  await using pool = createThreadPool(small)
  pool.prepare(moduleBeside(import.meta.url, '../testing/thread-modules/loaded'))
  while (Atomics.load(sharedFacts(), 0) === 0) await turn()
  const kinds = ['native', 'fallback']
  assert.equal(
    foundOnce('codec kind', kinds, () => assert.fail('it was found')),
    'fallback',
  )
  await pool.run(job({ does: 'hash' }))
})

test('what is wrong with a module is said to the job that names it', async () => {
  await using pool = createThreadPool(small)
  const missing = moduleBeside(import.meta.url, './missing')
  pool.prepare(missing)
  await pool.run(job({ does: 'hash' }))
  const call = { module: missing, data: undefined }
  await assert.rejects(pool.run(job({ does: 'hash' }, { call })), /Cannot find module/)
})

suite('the thread pool', () => {
  let pool: ThreadPool
  before(() => {
    pool = createThreadPool({ batchThreads: 2, layerThreads: 2, stopMs: 100 })
  })
  after(() => pool[Symbol.asyncDispose]())

  test('a layer reads its source as it was, whatever its pieces', async () => {
    const sizes = [0, 1, 70_000, 262_144, 262_145, 1_000_000, 3]
    const hash = createHash('sha256')
    for await (const piece of pieces(...sizes)) hash.update(piece)
    let last: [number, number] = [0, 0]
    const made = await pool.run<{ digest: string; pieces: number }>(
      job(
        { does: 'hash' },
        {
          open: () => pieces(...sizes),
          onProgress: (consumed, written) => {
            assert(consumed >= last[0] && written >= last[1])
            last = [consumed, written]
          },
        },
      ),
    )
    assert.equal(made.digest, hash.digest('hex'))
    assert.equal(
      made.pieces,
      Math.ceil(sizes.reduce((sum, size) => sum + size) / SOURCE_PIECE_SIZE),
    )
    assert(last[0] > 1_000_000)
  })

  test('a slow layer slows its source: no more is read than it has buffers for', async () => {
    const stop = new AbortController()
    let read = 0
    async function* source(): AsyncGenerator<Uint8Array> {
      for (;;) {
        read++
        yield new Uint8Array(SOURCE_PIECE_SIZE)
        // The layer never pulls, so the fifth piece is never asked for.
        if (read === 4) setImmediate(() => setImmediate(() => stop.abort(new Error('enough'))))
      }
    }
    const waiting = pool.run(job({ does: 'wait' }, { open: source, signal: stop.signal }))
    setTimeout(() => stop.abort(new Error('enough')), 200)
    await assert.rejects(waiting, /enough/)
    assert.equal(read, 4)
  })

  test('batches of several layers are done side by side, each with its own results', async () => {
    const layers = [3000, 5000, 200_000, 70_000]
    const results = await Promise.all(
      layers.map((size) => pool.run(job({ does: 'batches' }, { open: () => pieces(size) }))),
    )
    for (const [i, size] of layers.entries()) {
      const byte = size % 251
      const parts = Array.from({ length: Math.ceil(size / 1000) }, (_, part) =>
        Math.min(1000, size - part * 1000),
      )
      assert.deepEqual(
        results[i],
        parts.map((length) => [length * byte, byte]),
      )
    }
  })

  test('on two processors a job that waits gets a thread of its own where one of them is idle', async () => {
    const idleMs = () => performance.now()
    await using few = createThreadPool({ ...small, layerThreads: 2, processors: 2, idleMs })
    const stop = new AbortController()
    const first = few.run(job({ does: 'wait' }, { signal: stop.signal }))
    await few.run(job({ does: 'hash' }))
    stop.abort(new Error('enough'))
    await assert.rejects(first, /enough/)
  })

  test('where none is idle it waits for the thread that is there', async () => {
    await using few = createThreadPool({
      ...small,
      layerThreads: 2,
      processors: 2,
      idleMs: () => 0,
    })
    const ended: string[] = []
    const note = (name: string) => () => void ended.push(name)
    const jobs = ['a', 'b', 'c'].map((name) => few.run(job({ does: 'priority' })).then(note(name)))
    await Promise.all(jobs)
    assert.deepEqual(ended, ['a', 'b', 'c'])
  })

  test('what a layer throws arrives with its code and context', async () => {
    await assert.rejects(pool.run(job({ does: 'throw' })), (error) => {
      assert(error instanceof AccelError)
      assert.equal(error.code, 'FORMAT_INVALID')
      assert.deepEqual(error.context, { what: 'it', format: 'x', offset: 3, problem: 'y' })
      return true
    })
  })

  for (const does of ['exit', 'memory'] as const) {
    test(`a layer thread that dies (${does}) fails its layer and is replaced`, async () => {
      const dying = pool.run(job({ does }))
      await assert.rejects(dying, { code: 'DRIVER_THREAD_DIED' })
      const again = await Promise.all([
        pool.run(job({ does: 'hash' })),
        pool.run(job({ does: 'hash' })),
      ])
      assert.equal(again.length, 2)
    })
  }

  for (const [does, expected] of [
    ['exit', { code: 'DRIVER_THREAD_DIED' }],
    ['throw', { message: 'a batch that fails' }],
  ] as const) {
    test(`a batch thread that ends badly (${does}) fails its layer alone`, async () => {
      // one batch, so that no other thread is still to end like this
      await assert.rejects(pool.run(job({ does: 'batches', batch: { does } })), expected)
      const made = await pool.run<unknown[]>(
        job({ does: 'batches' }, { open: () => pieces(50_000) }),
      )
      assert.equal(made.length, 50)
    })
  }

  test('an error of the source is the error of the layer', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(10)
      throw new AccelError('CONTENT_SIZE_MISMATCH', { what: 'it', want: 20, got: 10 })
    }
    const running = pool.run(job({ does: 'hash' }, { open: broken }))
    await assert.rejects(running, { code: 'CONTENT_SIZE_MISMATCH' })
  })

  test('an abort ends a layer that waits for its source, and closes that', async () => {
    const stop = new AbortController()
    const { open, opened, closed } = stalled()
    const running = pool.run(job({ does: 'hash' }, { open, signal: stop.signal }))
    const reason = new Error('no longer wanted')
    void opened.then(() => setImmediate(() => stop.abort(reason)))
    await assert.rejects(running, (error) => error === reason)
    await closed
  })

  test('a layer that does not listen is stopped all the same, its thread replaced', async () => {
    const stop = new AbortController()
    const running = [1, 2].map(() => pool.run(job({ does: 'spin' }, { signal: stop.signal })))
    setImmediate(() => stop.abort(new Error('stopped')))
    await Promise.all(running.map((run) => assert.rejects(run, /stopped/)))
    await pool.run(job({ does: 'hash' }))
  })

  test('layers wait for a thread, in order; an abort ends the waiting', async () => {
    const stop = new AbortController()
    const blocking = [stalled(), stalled()].map(({ open }) =>
      pool.run(job({ does: 'hash' }, { open, signal: stop.signal })),
    )
    const quit = new AbortController()
    const leaving = pool.run(job({ does: 'hash' }, { signal: quit.signal }))
    const staying = pool.run(job({ does: 'hash' }))
    quit.abort(new Error('left'))
    await assert.rejects(leaving, /left/)
    stop.abort(new Error('free'))
    await Promise.all(blocking.map((run) => assert.rejects(run, /free/)))
    await staying
    await assert.rejects(pool.run(job({ does: 'hash' }, { signal: quit.signal })), /left/)
  })

  test('slabs do not get lost: layers that are stopped give theirs back', async () => {
    for (let i = 0; i < 8; i++) {
      const stop = new AbortController()
      const running = pool.run(job({ does: 'wait' }, { signal: stop.signal }))
      setImmediate(() => stop.abort(new Error('stopped')))
      await assert.rejects(running, /stopped/)
    }
    const made = await pool.run<unknown[]>(job({ does: 'batches' }, { open: () => pieces(30_000) }))
    assert.equal(made.length, 30)
  })

  test('a closed pool takes nothing, and ends what runs', async () => {
    const other = createThreadPool({ batchThreads: 1, layerThreads: 1 })
    const running = other.run(job({ does: 'hash' }, { open: stalled().open }))
    const waiting = other.run(job({ does: 'hash' }))
    const both = [running, waiting].map((run) => assert.rejects(run, { code: 'ABORTED' }))
    await other[Symbol.asyncDispose]()
    await Promise.all(both)
    await assert.rejects(other.run(job({ does: 'hash' })), { code: 'ABORTED' })
  })
})
