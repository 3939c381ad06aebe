import { availableParallelism, cpus } from 'node:os'
import { AccelError } from '../errors/accel-error.ts'
import { BatchThreads } from './batch-threads.ts'
import { LayerRun, type LayerJob, type LayerRunParts, sourcePieces } from './layer-run.ts'
import type { ToLayerThread } from './messages.ts'
import { SlabBudget } from './slab-budget.ts'
import { startThread, type Thread } from './start-thread.ts'

export interface ThreadPoolInit {
  /** Threads for batches: compression and digests. @default the processors that the process may use */
  batchThreads?: number
  /** Layers that are worked on at a time. @default a quarter of the processors, 2 to 8: one decodes enough for eight that compress */
  layerThreads?: number
  /** Bytes of all slabs together. @default 256 MiB */
  slabBytes?: number
  /**
   * How far the threads stand back behind the main thread, 0 to 19: with more it answers quickly while they are busy.
   * On Linux; elsewhere they do not. @default 0
   */
  niceness?: number
  /** A layer thread that was told to stop and does not answer for this long is killed. @default 10 s */
  stopMs?: number
  /** Processors that the threads share. @default those that the process may use */
  processors?: number
  /** Milliseconds for which processors had nothing to do, all together, since any moment. @default asks the system */
  idleMs?: () => number
}

/**
 * Threads for the conversion of layers. The main thread is the broker: it feeds layer threads with source bytes,
 * and gives their batches to batch threads, fairly between layers, so one large layer uses all processors.
 *
 * Memory outside the heaps: batch threads + 2 × layer threads slabs, at most `slabBytes` together, and 1.5 MiB
 * of source buffers for each layer thread.
 */
export interface ThreadPool extends AsyncDisposable {
  /** Threads for batches. */
  readonly size: number
  /**
   * Runs `job` on a layer thread, waiting for one, and gives what its module's `run` returned. Throws what it
   * threw, what the source threw, DRIVER_THREAD_DIED, or the reason of `job.signal`, at once.
   */
  run<Result>(job: LayerJob): Promise<Result>
  /**
   * Starts the first layer thread, if none was started yet, and has it load `module`, which the first job is expected to
   * name: done beside other work, it takes no time of that job's.
   */
  prepare(module: string): void
}

/** How many threads a pool has, and how much memory its slabs may take together. */
export type PoolSize = Required<Pick<ThreadPoolInit, 'batchThreads' | 'layerThreads' | 'slabBytes'>>

/** The size of a pool that is made with `init`, on this machine. */
export function poolSize(init: Partial<PoolSize> = {}): PoolSize {
  const processors = availableParallelism()
  return {
    batchThreads: init.batchThreads ?? processors,
    layerThreads: init.layerThreads ?? Math.min(8, Math.max(2, Math.ceil(processors / 4))),
    slabBytes: init.slabBytes ?? 256 * 1024 * 1024,
  }
}

/** Makes a pool. No thread is started before there is work; idle threads do not keep the process alive. */
export function createThreadPool(init: ThreadPoolInit = {}): ThreadPool {
  return new Pool({
    ...poolSize(init),
    processors: init.processors ?? availableParallelism(),
    idleMs: init.idleMs ?? idleMs,
    stopMs: init.stopMs ?? 10_000,
    niceness: init.niceness ?? 0,
  })
}

/** A job that waits for a thread. */
interface Waiting {
  job: LayerJob
  settle: { resolve(result: unknown): void; reject(error: unknown): void }
  onAbort(): void
}

/** While jobs wait it is looked so often whether another layer thread would find a processor. */
const LOOK_EVERY_MS = 250

/** So much of a processor must have been idle. */
const IDLE_SHARE = 0.5

interface LayerThread {
  thread: Thread
  pieces: LayerRunParts['pieces']
  run: LayerRun | undefined
}

class Pool implements ThreadPool {
  readonly size: number
  readonly #layers: number
  readonly #processors: number
  readonly #idleMs: () => number
  readonly #stopMs: number
  readonly #niceness: number
  readonly #batches: BatchThreads
  readonly #slabs: SlabBudget
  readonly #threads = new Set<LayerThread>()
  #waiting: Waiting[] = []
  #look: NodeJS.Timeout | undefined = undefined
  /** Looks since a layer thread was started. */
  #looks = 0
  #closed = false

  constructor(init: Required<ThreadPoolInit>) {
    this.size = init.batchThreads
    this.#layers = init.layerThreads
    this.#processors = init.processors
    this.#idleMs = init.idleMs
    this.#stopMs = init.stopMs
    this.#niceness = init.niceness
    this.#batches = new BatchThreads(init.batchThreads, init)
    this.#slabs = new SlabBudget({
      slabs: init.batchThreads + 2 * init.layerThreads,
      bytes: init.slabBytes,
      onDropped: (ids) => {
        this.#batches.forget(ids)
        for (const { thread } of this.#threads) thread.forget(ids)
      },
    })
  }

  run<Result>(job: LayerJob): Promise<Result> {
    return new Promise<unknown>((resolve, reject) => {
      if (job.signal.aborted) return reject(job.signal.reason)
      if (this.#closed) return reject(new AccelError('ABORTED', { what: job.what }))
      const onAbort = (): void => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting)
        reject(job.signal.reason)
      }
      const waiting: Waiting = { job, settle: { resolve, reject }, onAbort }
      job.signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(waiting)
      this.#serve()
    }) as Promise<Result>
  }

  prepare(module: string): void {
    if (this.#threads.size > 0 || this.#closed) return
    const { thread } = this.#start()
    thread.setIdle(true)
    thread.post({ type: 'load', module } satisfies ToLayerThread)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    clearTimeout(this.#look)
    for (const { job, settle } of this.#waiting.splice(0)) settle.reject(closed(job))
    const threads = [...this.#threads]
    for (const { run } of threads) run?.stop(closed(run.job))
    await Promise.all([this.#batches.close(), ...threads.map(({ thread }) => thread.terminate())])
    for (const { run } of threads) run?.onDeath('the pool was closed')
    this.#threads.clear()
  }

  #serve(): void {
    while (this.#waiting.length > 0 && !this.#closed) {
      const idle = [...this.#threads].find((thread) => thread.run === undefined)
      if (idle === undefined && !this.#hasProcessor()) return this.#lookLater()
      this.#beginNext(idle ?? this.#start())
    }
  }

  /**
   * Whether another layer thread can be started without a look at how busy the others are: one takes about as long as
   * the batches that it hands out. Each costs a tenth of a second, and compiles for itself what others have compiled.
   */
  #hasProcessor(): boolean {
    const { size } = this.#threads
    return size < this.#layers && (size === 0 || 2 * (size + 1) <= this.#processors)
  }

  /** Starts another layer thread after some time, if jobs wait then and a processor was idle: sources are slow, or there are few batches. */
  #lookLater(): void {
    if (this.#look !== undefined || this.#threads.size >= this.#layers) return
    const [since, idleSince] = [performance.now(), this.#idleMs()]
    this.#look = setTimeout(() => {
      this.#look = undefined
      const idle = (this.#idleMs() - idleSince) / (performance.now() - since)
      this.#looks += 1
      // in the first, a thread that was just started has not done much yet
      if (this.#looks > 1 && this.#waiting.length > 0 && idle >= IDLE_SHARE) {
        this.#beginNext(this.#start())
      }
      this.#serve()
    }, LOOK_EVERY_MS)
  }

  #beginNext(on: LayerThread): void {
    const { job, settle, onAbort } = this.#waiting.shift()!
    job.signal.removeEventListener('abort', onAbort)
    this.#begin(on, job, settle)
  }

  #start(): LayerThread {
    this.#looks = 0
    const made: LayerThread = {
      run: undefined,
      pieces: sourcePieces(),
      thread: startThread(
        'layer',
        {
          onMessage: (message) => made.run?.onMessage(message),
          onDeath: (cause) => {
            this.#threads.delete(made)
            made.run?.onDeath(cause)
          },
        },
        { niceness: this.#niceness },
      ),
    }
    this.#threads.add(made)
    return made
  }

  #begin(on: LayerThread, job: LayerJob, settle: Waiting['settle']): void {
    on.thread.setIdle(false)
    const run = new LayerRun(job, {
      thread: on.thread,
      pieces: on.pieces,
      batches: this.#batches,
      slabs: this.#slabs,
      stopMs: this.#stopMs,
    })
    on.run = run
    run.result.then(settle.resolve, settle.reject)
    void run.over.then(() => {
      on.run = undefined
      if (this.#threads.has(on)) on.thread.setIdle(true)
      this.#serve()
      if ([...this.#threads].every((thread) => thread.run === undefined)) this.#slabs.trim()
    })
  }
}

function idleMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.idle, 0)
}

function closed(job: LayerJob): AccelError {
  return new AccelError('ABORTED', { what: job.what })
}
