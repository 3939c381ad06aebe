import type { Config } from '../config/schema.ts'
import { findSource } from '../config/source.ts'
import type { QueueLimits } from '../tasks/queue.ts'

const SECOND = 1000

/** How many tasks run at once, how often and how long, as a configuration says. */
export function queueLimits(config: Config): QueueLimits {
  const { worker, attempts, retryPause, taskTimeout, stallTimeout } = config.converter
  return {
    workers: worker,
    workersOf: (host) => findSource(config, host)?.source.maxConversions || Infinity,
    attempts,
    pauseMs: retryPause * SECOND,
    deadlineMs: taskTimeout * SECOND,
    stallMs: stallTimeout * SECOND,
  }
}
