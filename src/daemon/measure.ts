import type { Metrics } from '../metrics/metrics.ts'
import type { ReconcileReport } from '../reconcile/report.ts'
import type { TaskEvent, TaskProgress, TaskTimings } from '../tasks/task.ts'

/** Counts what happens in the queue. */
export function measureTasks(metrics: Metrics): (event: TaskEvent) => void {
  const moved = new Map<string, TaskProgress>()
  return (event) => {
    const { task } = event
    switch (event.type) {
      case 'progress':
        metrics.bytesMoved(difference(event.progress, moved.get(task.id)))
        moved.set(task.id, event.progress)
        break
      case 'retrying':
        moved.delete(task.id)
        metrics.attemptFailed({ code: task.code ?? 'unknown', again: true })
        break
      case 'finished': {
        moved.delete(task.id)
        const { state, outcome, timings = {}, code = 'unknown' } = task
        const skipped = outcome?.skipped !== undefined || state !== 'completed'
        const seconds = (timings.runMs ?? 0) / 1000
        metrics.conversionEnded({ seconds, failed: state === 'failed', skipped })
        metrics.taskEnded({ state, reused: outcome?.reused === true })
        if (state === 'failed') metrics.attemptFailed({ code, again: false })
        if (!skipped) measurePhases(metrics, { ...timings, ...outcome?.timings })
        break
      }
      case 'queued':
      case 'started':
        break
    }
  }
}

/** Counts what a search has found. */
export function measureSearch(metrics: Metrics, { dryRun, hosts }: ReconcileReport): void {
  const queued = dryRun ? 0 : hosts.reduce((sum, host) => sum + host.queued, 0)
  metrics.searched({ queued, errors: hosts.filter(({ error }) => error !== undefined).length })
}

function measurePhases(metrics: Metrics, timings: TaskTimings): void {
  const { waitMs, pullMs, convertMs, pushMs } = timings
  const phases = { wait: waitMs, pull: pullMs, convert: convertMs, push: pushMs }
  for (const [phase, ms] of Object.entries(phases) as [keyof typeof phases, number?][]) {
    if (ms !== undefined) metrics.phaseEnded({ phase, seconds: ms / 1000 })
  }
}

/** What was moved since `before`; another attempt begins at nothing again. */
function difference(
  now: TaskProgress,
  before: TaskProgress | undefined,
): { read: number; written: number; pushed: number } {
  const since = (total: number, last = 0): number => (total >= last ? total - last : total)
  return {
    read: since(now.readBytes, before?.readBytes),
    written: since(now.writtenBytes, before?.writtenBytes),
    pushed: since(now.pushedBytes, before?.pushedBytes),
  }
}
