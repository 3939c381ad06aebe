import { NEVER, type WireTask } from '../../api/contract.ts'
import { isOpen } from './task-book.ts'

/** What ended lately, in figures. */
export interface Recent {
  ended: number
  failed: number
  /** Bytes of the images that were converted, and of their results. */
  sourceBytes: number
  targetBytes: number
}

/** How far back is lately, in milliseconds. */
export const RECENT_MS = 24 * 3_600_000

/** Sums up the tasks that have ended since RECENT_MS before `now`; cancelled and superseded ones do not count. */
export function recentOf(tasks: readonly WireTask[], now: number): Recent {
  const recent: Recent = { ended: 0, failed: 0, sourceBytes: 0, targetBytes: 0 }
  const since = new Date(now - RECENT_MS).toISOString()
  for (const { state, finished, reused, skipped, source_size, target_size } of tasks) {
    if (isOpen(state) || finished === NEVER || finished < since) continue
    if (state !== 'completed' && state !== 'failed') continue
    recent.ended += 1
    if (state === 'failed') recent.failed += 1
    else if (!reused && !skipped) {
      recent.sourceBytes += source_size
      recent.targetBytes += target_size
    }
  }
  return recent
}
