/**
 * What the main thread and its threads say to each other.
 *
 * A layer thread:   load, at most once and before all else
 *                   start -> (chunk* end) and, as answers to its requests, (slab | batched)*; abort at any time
 *                   <- pull* slab-wanted* batch* slab-done* progress* and at last done | failed
 * A batch thread:   start -> batch* ; <- (batched | failed)*, in the same order
 *
 * A batch thread does one batch after the other. `busy` is shared memory: it sets it to 1 before each, and to 0 when it
 * has posted the answer.
 *
 * Source bytes are traded for credit: the main thread has SOURCE_PIECES buffers, fills one, sends `chunk`, and may
 * fill it again once `pull` gives it back. All buffers are shared memory, so no message carries bytes.
 */
import type { WireError } from '../errors/accel-error.ts'

/** Bytes of one source buffer, and how many a layer has: one is read while the others are filled. */
export const SOURCE_PIECE_SIZE = 512 * 1024
export const SOURCE_PIECES = 3

/** A module to load in the thread, by URL, and what to call its export `run` with. */
export interface Call {
  module: string
  data: unknown
}

export type ToLayerThread =
  | { type: 'load'; module: string }
  | { type: 'start'; call: Call; source: SharedArrayBuffer[]; slabSize: SlabSize }
  | { type: 'chunk'; piece: number; length: number }
  | { type: 'end' }
  | { type: 'slab'; slab: SlabHandle }
  | { type: 'batched'; slab: number; result: unknown }
  | { type: 'abort'; error: WireError }
  | Forget

export type FromLayerThread =
  | { type: 'pull'; piece: number }
  | { type: 'slab-wanted' }
  | { type: 'batch'; slab: number; call: Call }
  | { type: 'slab-done'; slab: number }
  | { type: 'progress'; written: number }
  | { type: 'done'; result: unknown }
  | { type: 'failed'; error: WireError }

export type ToBatchThread =
  | { type: 'start'; busy: Int32Array }
  | { type: 'batch'; id: number; call: Call; slab: SlabHandle }
  | Forget

export type FromBatchThread =
  | { type: 'batched'; id: number; result: unknown }
  | { type: 'failed'; id: number; error: WireError }

/**
 * A slab, with its memory the first time that a thread hears of it: making it known costs the thread a garbage
 * collection every few times, as it counts as memory of the thread.
 */
export interface SlabHandle {
  id: number
  memory?: { input: SharedArrayBuffer; output: SharedArrayBuffer }
}

/** The thread's hold on the memory of these slabs is let go. */
export interface Forget {
  type: 'forget'
  slabs: number[]
}

/** Bytes of the two halves of a slab. */
export interface SlabSize {
  input: number
  output: number
}
