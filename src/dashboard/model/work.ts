import type { WireProgress } from '../../api/contract.ts'
import type { Pace } from './task-book.ts'

/** What a running task does at the moment, in figures. */
export interface Work {
  /** For people: `reading and converting`. */
  name: string
  done: number
  total: number
  bytesPerSecond: number
  /** Milliseconds until this phase ends at this pace, in whole seconds; undefined where nobody can tell. */
  leftMs: number | undefined
}

const names: Record<WireProgress['phase'], string> = {
  pull: 'looking at the image',
  disk: 'waiting for room on the disk',
  convert: 'converting',
  push: 'pushing',
}

/** Sums up a progress. In `push`, the total is what was written; layers that the target has already are not sent. */
export function workOf(progress: WireProgress, pace: Pace): Work {
  const { phase } = progress
  const pushing = phase === 'push'
  const done = pushing ? progress.pushed_bytes : progress.read_bytes
  const total = Math.max(done, pushing ? progress.written_bytes : progress.source_bytes)
  const bytesPerSecond = pushing ? pace.pushed : pace.read
  // nobody knows it to a fraction of a second
  const leftMs = bytesPerSecond > 0 ? Math.ceil((total - done) / bytesPerSecond) * 1000 : undefined
  return { name: names[phase], done, total, bytesPerSecond, leftMs }
}
