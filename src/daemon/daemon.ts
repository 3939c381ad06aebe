import { constants } from 'node:fs'
import { access, statfs } from 'node:fs/promises'
import type { Config } from '../config/schema.ts'
import type { ConversionEvent } from '../convert/events.ts'
import type { ConversionReport } from '../convert/report.ts'
import type { ConversionService } from '../convert/service.ts'
import { startHttpService } from '../http/service.ts'
import { conversionLog } from '../log/conversion-log.ts'
import type { Log } from '../log/log.ts'
import type { Redaction } from '../log/redaction.ts'
import { createMetrics } from '../metrics/metrics.ts'
import { isDigest } from '../oci/digest.ts'
import { TaskQueue, type RunTask } from '../tasks/queue.ts'
import type { TaskEvent, TaskOutcome } from '../tasks/task.ts'
import { createMemoryTaskStore } from '../tasks/task-store.ts'

/** What the daemon is given. */
export interface DaemonComponents {
  config: Config
  log: Log
  redaction: Redaction
  /** Opens what converts; the daemon closes it. */
  openConversions(): Promise<ConversionService>
}

/** A daemon that serves. */
export interface Daemon {
  /** Where it listens. */
  readonly address: string
  readonly port: number | undefined
  /** Stops; see `DEADLINES`. Throws an AggregateError of all that went wrong. */
  stop(): Promise<void>
}

/**
 * How long each step of a stop may take, in milliseconds; 10 seconds together, which is what Docker waits before it
 * kills. The steps begin in this order: nothing new is taken; waiting and running tasks are cancelled; whoever waits
 * for an answer gets it; connections, threads and files are closed.
 */
const DEADLINES = { tasks: 6_000, answers: 8_000, conversions: 2_000 }

/** Puts the parts together and starts to serve. Throws CONFIG_…, DRIVER_…, STORE_…, HTTP_LISTEN_FAILED. */
export async function startDaemon(components: DaemonComponents): Promise<Daemon> {
  const { config, log, redaction } = components
  const conversions = await components.openConversions()
  try {
    const queue = await TaskQueue.open(
      { store: createMemoryTaskStore(), log, run: runOf(conversions, log) },
      { workers: config.converter.worker, redact: (text) => redaction.apply(text) },
    )
    const metrics = createMetrics({ name: config.server.name, tasks: () => queue.counts() })
    queue.subscribe(logFailures(log))
    queue.subscribe((event) => {
      if (event.type !== 'finished') return
      const { state, outcome, started, finished = 0 } = event.task
      metrics.conversionEnded({
        seconds: (finished - (started ?? finished)) / 1000,
        failed: state === 'failed',
        skipped: outcome?.skipped !== undefined,
      })
    })
    const health = (): Promise<void> => checkHealth(config)
    const server = await startHttpService({ config, queue, log, redaction, metrics, health })
    return {
      address: server.address,
      port: server.port,
      async stop() {
        const answered = server.stop({ deadlineMs: DEADLINES.answers })
        const ended = queue.stop({ deadlineMs: DEADLINES.tasks })
        const closed = Promise.all([answered, ended]).then(() => close(conversions))
        await allOf([answered, ended, closed])
      },
    }
  } catch (error) {
    await close(conversions)
    throw error
  }
}

/** What the queue does with a task: it is converted, and its steps are logged. */
function runOf(conversions: ConversionService, log: Log): RunTask<ConversionEvent> {
  const lines = conversionLog(log)
  return async (task, { signal, progress }) => {
    const { source, digest, rule, operator } = task
    const onEvent = (event: ConversionEvent): void => {
      lines(event)
      progress(event)
    }
    const request = {
      source,
      ...(isDigest(digest) ? { digest } : {}),
      ...(rule === undefined ? {} : { rule }),
      ...(operator === undefined ? {} : { operator }),
    }
    return outcomeOf(await conversions.convert(request, { signal, onEvent }))
  }
}

function outcomeOf(report: ConversionReport): TaskOutcome {
  const { sourceSize, targetSize, sourceDigest, target, targetDigest, skipped } = report
  return {
    sourceSize,
    targetSize,
    sourceDigest,
    ...(target === undefined ? {} : { target }),
    ...(targetDigest === undefined ? {} : { targetDigest }),
    ...(skipped === undefined ? {} : { skipped }),
  }
}

function logFailures(log: Log): (event: TaskEvent) => void {
  return (event) => {
    if (event.type !== 'finished' || event.task.state !== 'failed') return
    const { id, reason = '', code } = event.task
    const { error } = event
    const stack =
      code === 'TASK_DEFECT' && error instanceof Error ? { stack: error.stack } : undefined
    const fields = { task: id, code, ...stack, cause: causeOf(error) }
    // what was cancelled by a stop is no fault of anybody's
    if (code === 'TASK_CANCELLED') log.warn(`convert in worker: ${reason}`, fields)
    else log.error(`convert in worker: ${reason}`, fields)
  }
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined
}

/** Throws when the work directory cannot be written to. */
async function checkHealth(config: Config): Promise<void> {
  const { workDir } = config.provider
  await access(workDir, constants.W_OK)
  const { bavail } = await statfs(workDir)
  if (bavail === 0) throw new Error(`no space left in ${workDir}`)
}

/** Closes the conversions, and goes on when they do not close in time. */
async function close(conversions: ConversionService): Promise<void> {
  const deadline = Promise.withResolvers<void>()
  const timer = setTimeout(
    () => deadline.reject(new Error('the converter did not close in time')),
    DEADLINES.conversions,
  )
  await Promise.race([conversions[Symbol.asyncDispose](), deadline.promise]).finally(() =>
    clearTimeout(timer),
  )
}

/** Waits for all, and throws all that failed. */
async function allOf(steps: Promise<unknown>[]): Promise<void> {
  const settled = await Promise.allSettled(steps)
  const failures = new Set(
    settled.flatMap((step) => (step.status === 'rejected' ? [step.reason as unknown] : [])),
  )
  if (failures.size > 0) throw new AggregateError([...failures], 'the daemon did not stop cleanly')
}
