import { AccelError, fromWire } from '../errors/accel-error.ts'
import type { Call, FromBatchThread, ToBatchThread } from './messages.ts'
import type { Slab } from './slab-budget.ts'
import { startThread, type Thread } from './start-thread.ts'

/** A piece of work on one slab. */
export interface Batch {
  /** Whose work it is; owners take turns. */
  owner: object
  /** Names the layer in messages. */
  what: string
  slab: Slab
  call: Call
  onResult(result: unknown): void
  onError(error: Error): void
}

interface BatchThread {
  thread: Thread
  /** What it was sent and has not answered, in the order in which it does them. */
  sent: Map<number, Batch>
  /** Shared with the thread: 1 while it works on the first of `sent`, and until it has done one at all. */
  busy: Int32Array
}

/** Two: while the main thread handles the result of one batch, the thread works on the next. */
const BATCHES_AT_A_THREAD = 2

/** The last thread is started when so many batches wait that no other has room for. */
const BATCHES_FOR_THE_LAST = 2

/**
 * The threads that do batches, started when there is work, and the queue before them: each owner's batches in
 * order, owners in turn. A thread that dies fails the batch that it worked on; what it did not begin goes to another.
 * The last thread is started only when the others fall behind: a layer thread has a processor to itself until it has
 * to wait for them.
 */
export class BatchThreads {
  readonly #size: number
  readonly #niceness: number
  readonly #threads = new Set<BatchThread>()
  readonly #queues = new Map<object, Batch[]>()
  #nextId = 1
  #closed = false

  constructor(size: number, { niceness }: { niceness: number }) {
    this.#size = size
    this.#niceness = niceness
  }

  submit(batch: Batch): void {
    const queue = this.#queues.get(batch.owner)
    if (queue === undefined) this.#queues.set(batch.owner, [batch])
    else queue.push(batch)
    this.#dispatch()
  }

  /** Drops the batches of `owner` that did not begin, and gives them back. */
  cancel(owner: object): Batch[] {
    const batches = this.#queues.get(owner) ?? []
    this.#queues.delete(owner)
    return batches
  }

  /** Slabs are gone for good. */
  forget(slabs: readonly number[]): void {
    for (const { thread } of this.#threads) thread.forget(slabs)
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#threads].map(({ thread }) => thread.terminate()))
    this.#threads.clear()
  }

  #dispatch(): void {
    while (this.#queues.size > 0 && !this.#closed) {
      const target = this.#leastBusy()
      if (target === undefined) return
      const [owner, queue] = this.#queues.entries().next().value!
      const batch = queue.shift()!
      // To the end of the line.
      this.#queues.delete(owner)
      if (queue.length > 0) this.#queues.set(owner, queue)
      this.#send(target, batch)
    }
  }

  #leastBusy(): BatchThread | undefined {
    let best: BatchThread | undefined
    for (const thread of this.#threads) {
      if (best === undefined || thread.sent.size < best.sent.size) best = thread
    }
    if (best?.sent.size === 0) return best
    const left = this.#size - this.#threads.size
    if (best === undefined || left > 1) return this.#start()
    if (best.sent.size < BATCHES_AT_A_THREAD) return best
    return left === 1 && this.#waiting() >= BATCHES_FOR_THE_LAST ? this.#start() : undefined
  }

  #waiting(): number {
    return [...this.#queues.values()].reduce((sum, queue) => sum + queue.length, 0)
  }

  #start(): BatchThread {
    const made: BatchThread = {
      sent: new Map(),
      busy: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)).fill(1),
      thread: startThread(
        'batch',
        {
          onMessage: (message) => this.#answered(made, message as FromBatchThread),
          onDeath: (cause) => this.#died(made, cause),
        },
        { niceness: this.#niceness },
      ),
    }
    const begin: ToBatchThread = { type: 'start', busy: made.busy }
    made.thread.post(begin)
    this.#threads.add(made)
    return made
  }

  #send(target: BatchThread, batch: Batch): void {
    const id = this.#nextId++
    if (target.sent.size === 0) target.thread.setIdle(false)
    target.sent.set(id, batch)
    const slab = target.thread.handle(batch.slab)
    const message: ToBatchThread = { type: 'batch', id, call: batch.call, slab }
    target.thread.post(message)
  }

  /** A batch that did not begin is the next of all. */
  #putBack(batch: Batch): void {
    const queues = [...this.#queues]
    this.#queues.clear()
    this.#queues.set(batch.owner, [batch])
    for (const [owner, queue] of queues) {
      const first = this.#queues.get(owner)
      if (first === undefined) this.#queues.set(owner, queue)
      else first.push(...queue)
    }
  }

  #answered(from: BatchThread, message: FromBatchThread): void {
    const batch = from.sent.get(message.id)!
    from.sent.delete(message.id)
    if (message.type === 'batched') batch.onResult(message.result)
    else batch.onError(fromWire(message.error))
    this.#dispatch()
    if (from.sent.size === 0) from.thread.setIdle(true)
  }

  #died(dead: BatchThread, cause: string): void {
    this.#threads.delete(dead)
    const batches = [...dead.sent.values()]
    const current = Atomics.load(dead.busy, 0) === 1 ? batches.shift() : undefined
    for (const batch of batches.toReversed()) this.#putBack(batch)
    // last: its owner cancels what it has in the queue
    current?.onError(new AccelError('DRIVER_THREAD_DIED', { what: current.what, cause }))
    this.#dispatch()
  }
}
