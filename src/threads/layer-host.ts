import assert from 'node:assert/strict'
import type { MessagePort } from 'node:worker_threads'
import { fromWire } from '../errors/accel-error.ts'
import type { HostSlab, KnownSlabs } from './known-slabs.ts'
import type { Call, Forget, FromLayerThread, ToLayerThread } from './messages.ts'

/** A module that a layer job names. `data` and the result are cloned. */
export interface LayerModule {
  run(data: unknown, host: LayerHost): Promise<unknown>
}

/** Target bytes between two reports of progress. */
const PROGRESS_STEP = 1024 * 1024

type Start = Extract<ToLayerThread, { type: 'start' }>
type Waiter<Value> = PromiseWithResolvers<Value>

/**
 * What a layer job is given in its thread. After an abort every call rejects with its reason.
 */
export class LayerHost {
  readonly #port: MessagePort
  readonly #known: KnownSlabs
  readonly #pieces: Uint8Array[]
  readonly #chunks: { piece: number; length: number }[] = []
  readonly #slabs: HostSlab[] = []
  readonly #batches = new Map<number, Waiter<unknown>>()
  #ended = false
  #reported = 0
  #closed = false
  #aborted: { reason: Error } | undefined = undefined
  #current = -1
  #chunkWaiter: Waiter<void> | undefined = undefined
  #slabWaiter: Waiter<void> | undefined = undefined

  constructor(port: MessagePort, known: KnownSlabs, start: Start) {
    this.#port = port
    this.#known = known
    this.#pieces = start.source.map((buffer) => new Uint8Array(buffer))
  }

  /** The next source bytes, valid until the next call; undefined at the end. One call at a time. */
  async pull(): Promise<Uint8Array | undefined> {
    if (this.#current >= 0) this.#post({ type: 'pull', piece: this.#current })
    this.#current = -1
    while (this.#chunks.length === 0) {
      this.#throwIfAborted()
      if (this.#ended) return undefined
      this.#chunkWaiter = Promise.withResolvers()
      await this.#chunkWaiter.promise
    }
    this.#throwIfAborted()
    const { piece, length } = this.#chunks.shift()!
    this.#current = piece
    return this.#pieces[piece]!.subarray(0, length)
  }

  /** Memory for a batch; waits until there is some. One call at a time. */
  async takeSlab(): Promise<HostSlab> {
    this.#throwIfAborted()
    this.#post({ type: 'slab-wanted' })
    while (this.#slabs.length === 0) {
      this.#slabWaiter = Promise.withResolvers()
      await this.#slabWaiter.promise
      this.#throwIfAborted()
    }
    return this.#slabs.shift()!
  }

  /** Gives a slab back; it must not be touched any more. */
  giveSlab(slab: HostSlab): void {
    this.#post({ type: 'slab-done', slab: slab.id })
  }

  /** Runs a BatchModule on `slab` in a batch thread, and gives its result. Meanwhile the slab is not to be touched. */
  batch(slab: HostSlab, call: Call): Promise<unknown> {
    assert(!this.#batches.has(slab.id))
    const waiter = Promise.withResolvers<unknown>()
    // A job that stops for another reason does not look at it any more.
    waiter.promise.catch(() => {})
    this.#batches.set(slab.id, waiter)
    if (this.#aborted) waiter.reject(this.#aborted.reason)
    this.#post({ type: 'batch', slab: slab.id, call })
    return waiter.promise
  }

  /** The result is sent with these, moved and not copied. */
  readonly transfer: ArrayBuffer[] = []

  /** Says how many target bytes are written in all; passed on from time to time, as each message wakes the main thread. */
  progress(written: number): void {
    if (written - this.#reported < PROGRESS_STEP) return
    this.#reported = written
    this.#post({ type: 'progress', written })
  }

  /** Called when the job is over: what it forgot to stop says nothing any more. */
  close(): void {
    this.#closed = true
  }

  onMessage(message: Exclude<ToLayerThread, Start | Forget | { type: 'load' }>): void {
    switch (message.type) {
      case 'chunk':
        this.#chunks.push(message)
        this.#chunkWaiter?.resolve()
        break
      case 'end':
        this.#ended = true
        this.#chunkWaiter?.resolve()
        break
      case 'slab':
        this.#slabs.push(this.#known.get(message.slab))
        this.#slabWaiter?.resolve()
        break
      case 'batched': {
        const waiter = this.#batches.get(message.slab)
        this.#batches.delete(message.slab)
        waiter?.resolve(message.result)
        break
      }
      case 'abort': {
        const reason = fromWire(message.error)
        this.#aborted = { reason }
        this.#chunkWaiter?.resolve()
        this.#slabWaiter?.resolve()
        for (const waiter of this.#batches.values()) waiter.reject(reason)
        break
      }
    }
  }

  #throwIfAborted(): void {
    if (this.#aborted) throw this.#aborted.reason
  }

  #post(message: FromLayerThread): void {
    if (!this.#closed) this.#port.postMessage(message)
  }
}
