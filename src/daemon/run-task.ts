import type { ConversionEvent } from '../convert/events.ts'
import type { ConversionReport, LayerReport } from '../convert/report.ts'
import type { ConversionService } from '../convert/service.ts'
import { conversionLog } from '../log/conversion-log.ts'
import { withLogFields } from '../log/log-context.ts'
import type { Log } from '../log/log.ts'
import { isDigest } from '../oci/digest.ts'
import type { RunTask } from '../tasks/queue.ts'
import type { LayerOutcome, Task, TaskEvent, TaskOutcome, TaskReport } from '../tasks/task.ts'
import { progressSum } from './task-progress.ts'

/** What the queue does with a task: it is converted, and every line of the log that comes of it carries the task's id. */
export function runTask(conversions: ConversionService, log: Log): RunTask {
  return async (task, { signal, progress, warn }) => {
    const lines = conversionLog(log)
    const sum = progressSum()
    const onEvent = (event: ConversionEvent): void => {
      lines(event)
      if (event.type === 'warning') warn(event.message)
      const now = sum(event)
      if (now !== undefined) progress(now)
    }
    const { source, digest, target, rule, operator } = task
    const request = {
      source,
      ...(isDigest(digest) ? { digest } : {}),
      ...(target === undefined ? {} : { target }),
      ...(rule === undefined ? {} : { rule }),
      ...(operator === undefined ? {} : { operator }),
    }
    const run = { signal, onEvent, owner: ownerOf(task) }
    return withLogFields({ task: task.id }, async () =>
      outcomeOf(await conversions.convert(request, run)),
    )
  }
}

/** Whose the finished layers of a task are in the store: they stay until the task has ended, whatever dies before. */
export function ownerOf({ id }: Pick<Task, 'id'>): string {
  return `${TASK_OWNER}${id}`
}

/** How the owners begin that are tasks. */
export const TASK_OWNER = 'task:'

function outcomeOf(report: ConversionReport): TaskOutcome {
  const { sourceSize, targetSize, sourceDigest, target, targetDigest, skipped, timings } = report
  const { reused, movedTo } = report
  const converted = report.images.length > 0
  const { pullMs, convertMs, pushMs } = timings
  return {
    sourceSize,
    targetSize,
    sourceDigest,
    ...(target === undefined ? {} : { target }),
    ...(targetDigest === undefined ? {} : { targetDigest }),
    ...(skipped === undefined ? {} : { skipped }),
    ...(reused === undefined ? {} : { reused }),
    ...(movedTo === undefined ? {} : { movedTo }),
    timings: { pullMs, convertMs, pushMs },
    ...(converted ? { report: taskReport(report) } : {}),
  }
}

function taskReport({ driver, images, kept, verifiedPaths }: ConversionReport): TaskReport {
  return {
    driver: driver.name,
    layers: images.flatMap(({ platform, layers }) =>
      layers.map((layer, i) => layerOutcome(layer, platform, i + 1)),
    ),
    kept: kept.map(({ digest, reason }) => ({ digest, reason })),
    ...(verifiedPaths === undefined ? {} : { verifiedPaths }),
  }
}

function layerOutcome(layer: LayerReport, platform: string, index: number): LayerOutcome {
  const { source, target, entries, found, kept, warnings, push } = layer
  const { indexSize } = target
  return {
    platform,
    index,
    digest: source.digest,
    mediaType: source.mediaType,
    sourceSize: source.size,
    targetSize: target.size,
    ...(indexSize === undefined ? {} : { indexSize }),
    ...(entries === undefined ? {} : { entries }),
    ...(found === undefined ? {} : { found }),
    ...(kept === undefined ? {} : { kept }),
    ...(warnings === undefined ? {} : { warnings }),
    ...(push === undefined ? {} : { push }),
  }
}

/** Writes a line for each attempt that failed. */
export function logFailures(log: Log): (event: TaskEvent) => void {
  return (event) => {
    if (event.type === 'retrying') {
      const { id, attempts, reason = '', code } = event.task
      const seconds = Math.round(event.inMs / 1000)
      log.warn(`convert in worker: ${reason}; it is tried again in ${seconds} s`, {
        task: id,
        code,
        attempt: attempts,
        cause: causeOf(event.error),
      })
    }
    if (event.type !== 'finished' || event.task.state === 'completed') return
    const { id, state, reason = '', code } = event.task
    const { error } = event
    const stack =
      code === 'TASK_DEFECT' && error instanceof Error ? { stack: error.stack } : undefined
    const fields = { task: id, code, ...stack, cause: causeOf(error) }
    // what somebody asked for, or made needless, is no fault of anybody's
    if (state === 'failed') log.error(`convert in worker: ${reason}`, fields)
    else log.info(`convert in worker: ${reason}`, fields)
  }
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined
}
