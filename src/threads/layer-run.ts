import { AccelError, fromWire, toWire } from '../errors/accel-error.ts'
import type { BatchThreads } from './batch-threads.ts'
import { SOURCE_PIECE_SIZE, SOURCE_PIECES } from './messages.ts'
import type { Call, FromLayerThread, SlabSize, ToLayerThread } from './messages.ts'
import type { Slab, SlabBudget } from './slab-budget.ts'
import type { Thread } from './start-thread.ts'

/** Work for a layer thread. */
export interface LayerJob {
  /** Names the layer in messages. */
  what: string
  /** The module whose export `run(data, host)` does the work, by URL, and its data. */
  call: Call
  /** Opens the bytes that `host.pull()` gives; `signal` aborts when they are not wanted any more. */
  open(signal: AbortSignal): AsyncIterable<Uint8Array>
  slabSize: SlabSize
  signal: AbortSignal
  /** Called as source bytes are consumed and target bytes are written; totals, not differences. */
  onProgress?(consumed: number, written: number): void
}

/** The buffers in which the main thread gives source bytes to a layer thread, from run to run. */
export function sourcePieces(): Uint8Array<SharedArrayBuffer>[] {
  return Array.from(
    { length: SOURCE_PIECES },
    () => new Uint8Array(new SharedArrayBuffer(SOURCE_PIECE_SIZE)),
  )
}

/** What a run works with. */
export interface LayerRunParts {
  thread: Thread
  /** Those of the thread. */
  pieces: readonly Uint8Array<SharedArrayBuffer>[]
  batches: BatchThreads
  slabs: SlabBudget
  /** A thread that was told to stop and does not answer for this long is killed. */
  stopMs: number
}

/** A slab of the run. While `batching`, a batch thread writes into it; else it is the layer thread's. */
interface HeldSlab {
  slab: Slab
  batching: boolean
}

/**
 * The main thread's half of one job on a layer thread.
 *
 * `result` is settled by `done` or `failed` from the thread, by an error of the source or of a batch, by an abort,
 * or by the thread's death. After an error or abort the thread may still be at work: it was told to stop, and
 * `over` resolves when it has answered or is dead.
 */
export class LayerRun {
  readonly job: LayerJob
  readonly result: Promise<unknown>
  readonly over: Promise<void>
  readonly #stopMs: number
  readonly #thread: Thread
  readonly #batches: BatchThreads
  readonly #slabs: SlabBudget
  readonly #settled = Promise.withResolvers<unknown>()
  readonly #answered = Promise.withResolvers<void>()
  readonly #held = new Map<number, HeldSlab>()
  readonly #pieces: LayerRunParts['pieces']
  readonly #sent = new Uint32Array(SOURCE_PIECES)
  #freePieces: number[]
  #pieceFreed: (() => void) | undefined = undefined
  readonly #sourceWanted = new AbortController()
  #stopped = false
  #killer: NodeJS.Timeout | undefined = undefined
  #consumed = 0
  #written = 0

  constructor(job: LayerJob, { thread, pieces, batches, slabs, stopMs }: LayerRunParts) {
    this.#stopMs = stopMs
    this.job = job
    this.result = this.#settled.promise
    this.over = this.#answered.promise
    this.#thread = thread
    this.#pieces = pieces
    this.#freePieces = [...pieces.keys()]
    this.#batches = batches
    this.#slabs = slabs
    job.signal.addEventListener('abort', this.#onAbort, { once: true })
    this.#post({
      type: 'start',
      call: job.call,
      source: this.#pieces.map((piece) => piece.buffer),
      slabSize: job.slabSize,
    })
    this.#feed().catch((error: unknown) => this.stop(error))
  }

  /** Ends the run with `error`; the thread is told to stop. */
  stop(error: unknown): void {
    if (this.#stopped) return
    this.#close()
    this.#settled.reject(error)
    this.#post({ type: 'abort', error: toWire(error) })
    this.#killer = setTimeout(() => this.#thread.kill('it did not stop when told to'), this.#stopMs)
  }

  onDeath(cause: string): void {
    const error = new AccelError('DRIVER_THREAD_DIED', { what: this.job.what, cause })
    if (!this.#stopped) {
      this.#close()
      this.#settled.reject(error)
    }
    this.#finish()
  }

  onMessage(raw: unknown): void {
    const message = raw as FromLayerThread
    switch (message.type) {
      case 'pull':
        this.#freePieces.push(message.piece)
        this.#consumed += this.#sent[message.piece]!
        this.#pieceFreed?.()
        this.#progress()
        break
      case 'slab-wanted':
        if (!this.#stopped) this.#slabs.take(this, this.job.slabSize, (slab) => this.#grant(slab))
        break
      case 'batch':
        this.#submit(message.slab, message.call)
        break
      case 'slab-done':
        this.#giveBack(message.slab)
        break
      case 'progress':
        this.#written = message.written
        this.#progress()
        break
      case 'done':
        if (!this.#stopped) {
          this.#close()
          this.#settled.resolve(message.result)
        }
        this.#finish()
        break
      case 'failed':
        if (!this.#stopped) {
          this.#close()
          this.#settled.reject(fromWire(message.error))
        }
        this.#finish()
        break
    }
  }

  readonly #onAbort = (): void => this.stop(this.job.signal.reason)

  /** Sends the source, as fast as the thread gives buffers back. */
  async #feed(): Promise<void> {
    let piece: number | undefined
    let filled = 0
    for await (const chunk of this.job.open(this.#sourceWanted.signal)) {
      for (let at = 0; at < chunk.length;) {
        piece ??= await this.#takePiece()
        if (this.#stopped || piece === undefined) return
        const length = Math.min(chunk.length - at, SOURCE_PIECE_SIZE - filled)
        this.#pieces[piece]!.set(chunk.subarray(at, at + length), filled)
        at += length
        filled += length
        if (filled === SOURCE_PIECE_SIZE) {
          this.#send(piece, filled)
          piece = undefined
          filled = 0
        }
      }
      if (this.#stopped) return
    }
    if (piece !== undefined) this.#send(piece, filled)
    this.#post({ type: 'end' })
  }

  /** A buffer that may be filled; undefined when the run stopped meanwhile. */
  async #takePiece(): Promise<number | undefined> {
    while (this.#freePieces.length === 0 && !this.#stopped) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#pieceFreed = resolve
      await promise
    }
    return this.#freePieces.shift()
  }

  #send(piece: number, length: number): void {
    this.#sent[piece] = length
    this.#post({ type: 'chunk', piece, length })
  }

  #grant(slab: Slab): void {
    if (this.#stopped) return this.#slabs.give(slab)
    this.#held.set(slab.id, { slab, batching: false })
    this.#post({ type: 'slab', slab: this.#thread.handle(slab) })
  }

  #giveBack(id: number): void {
    const held = this.#held.get(id)
    if (held === undefined) return
    this.#held.delete(id)
    this.#slabs.give(held.slab)
  }

  #submit(id: number, call: Call): void {
    const held = this.#held.get(id)!
    if (this.#stopped) return this.#giveBack(id)
    held.batching = true
    this.#batches.submit({
      owner: this,
      what: this.job.what,
      slab: held.slab,
      call,
      onResult: (result) => {
        held.batching = false
        if (this.#stopped) this.#giveBack(id)
        else this.#post({ type: 'batched', slab: id, result })
      },
      onError: (error) => {
        this.#giveBack(id)
        this.stop(error)
      },
    })
  }

  #progress(): void {
    if (!this.#stopped) this.job.onProgress?.(this.#consumed, this.#written)
  }

  /** Nothing is begun any more. Slabs on which a batch thread works come back when it is done. */
  #close(): void {
    this.#stopped = true
    this.job.signal.removeEventListener('abort', this.#onAbort)
    this.#pieceFreed?.()
    this.#sourceWanted.abort()
    this.#slabs.cancel(this)
    for (const batch of this.#batches.cancel(this)) this.#giveBack(batch.slab.id)
  }

  /** The thread does nothing for this run any more. */
  #finish(): void {
    clearTimeout(this.#killer)
    for (const [id, { batching }] of this.#held) if (!batching) this.#giveBack(id)
    this.#answered.resolve()
  }

  #post(message: ToLayerThread): void {
    this.#thread.post(message)
  }
}
