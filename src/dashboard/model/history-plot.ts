import { NEVER, type WireTask } from '../../api/contract.ts'

/** What ended in one stretch of time. */
export interface Bucket {
  /** Milliseconds since 1970. */
  from: number
  converted: number
  /** Tasks that needed no conversion: the result was there already, or nothing was to be done. */
  spared: number
  failed: number
  /** Bytes of the images that were converted, and of their results. */
  sourceBytes: number
  targetBytes: number
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** Stretches that people can read, in milliseconds. */
const STEPS = [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 12 * HOUR, 24 * HOUR, 168 * HOUR]

/** Most bars of a plot. */
const MAX_BUCKETS = 48

/**
 * The tasks that have ended as bars of equal width up to `now`, the oldest first; empty where none has. Cancelled and
 * superseded tasks are neither completed nor failed; of tasks that needed no conversion no bytes count.
 */
export function bucketsOf(
  tasks: readonly WireTask[],
  now: number,
): { step: number; bars: Bucket[] } {
  const ended = tasks
    .filter(
      ({ finished, state }) => finished !== NEVER && (state === 'completed' || state === 'failed'),
    )
    .map((task) => ({ task, at: Date.parse(task.finished) }))
  const [smallest = MINUTE] = STEPS
  if (ended.length === 0) return { step: smallest, bars: [] }
  const oldest = ended.reduce((least, { at }) => Math.min(least, at), Infinity)
  const newest = ended.reduce((most, { at }) => Math.max(most, at), now)
  const step = STEPS.find((step) => countOf(oldest, newest, step) <= MAX_BUCKETS) ?? STEPS.at(-1)!
  const count = Math.min(MAX_BUCKETS, Math.max(12, countOf(oldest, newest, step)))
  const end = Math.floor(newest / step) * step
  const bars = Array.from({ length: count }, (_, i): Bucket => {
    const from = end - (count - 1 - i) * step
    return { from, converted: 0, spared: 0, failed: 0, sourceBytes: 0, targetBytes: 0 }
  })
  for (const { task, at } of ended) {
    const bar = bars[count - 1 - Math.floor((end + step - 1 - at) / step)]
    if (bar !== undefined) addTo(bar, task)
  }
  return { step, bars }
}

function addTo(bar: Bucket, task: WireTask): void {
  if (task.state === 'failed') bar.failed += 1
  else if (task.reused || task.skipped) bar.spared += 1
  else {
    bar.converted += 1
    bar.sourceBytes += task.source_size
    bar.targetBytes += task.target_size
  }
}

function countOf(oldest: number, newest: number, step: number): number {
  return Math.floor(newest / step) - Math.floor(oldest / step) + 1
}
