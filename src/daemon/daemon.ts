import { LiveConfig, type ConfigChange } from '../config/live-config.ts'
import { programVersion } from '../config/version.ts'
import { openDatabase } from '../database/database.ts'
import type { Config } from '../config/schema.ts'
import type { ConversionService } from '../convert/service.ts'
import { startHttpService } from '../http/service.ts'
import type { Log } from '../log/log.ts'
import type { Redaction } from '../log/redaction.ts'
import { createMetrics } from '../metrics/metrics.ts'
import type { ReconcileReport } from '../reconcile/report.ts'
import { createReconciler } from '../reconcile/reconciler.ts'
import { lockForDaemon } from '../store/daemon-lock.ts'
import { databasePath } from '../store/store.ts'
import { TaskQueue } from '../tasks/queue.ts'
import { createSqliteTaskStore, taskSchema } from '../tasks/sqlite-task-store.ts'
import { wireBackfill } from './backfill.ts'
import { createHealth } from './health.ts'
import { measureSearch, measureTasks } from './measure.ts'
import { applyConfig } from './reload.ts'
import { queueLimits } from './queue-limits.ts'
import { damagedDatabases, recoverDatabase } from './recover-database.ts'
import { wireStatus } from './status.ts'
import { logFailures, ownerOf, runTask, TASK_OWNER } from './run-task.ts'

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
  /** Puts another configuration into effect, as far as that can be done. Throws as `applyConfig`. */
  reconfigure(next: Config): ConfigChange
  /** Counts a reading of the configuration, whether or not it could be used. */
  reloaded(ok: boolean): void
  /** Stops; see `DEADLINES`. Throws an AggregateError of all that went wrong. */
  stop(): Promise<void>
}

/**
 * How long each step of a stop may take, in milliseconds; 10 seconds together, which is what Docker waits before it
 * kills. The steps begin in this order: nothing new is taken; what runs may end within `server.drain_timeout`, which comes
 * on top; what waits and runs is left for the next start; whoever waits for an answer gets it; connections, threads and
 * files are closed.
 */
const DEADLINES = { tasks: 6_000, answers: 8_000, conversions: 2_000 }

/** How often converted layers that nobody needs are looked at, besides whenever a task ends. */
const COLLECT_MS = 60 * 60 * 1000

/** Puts the parts together and starts to serve. Throws CONFIG_…, DRIVER_…, STORE_…, HTTP_LISTEN_FAILED. */
export async function startDaemon(components: DaemonComponents): Promise<Daemon> {
  const { log, redaction } = components
  const config = new LiveConfig(components.config)
  const { workDir } = config.provider
  await using opened = new AsyncDisposableStack()
  opened.use(await lockForDaemon(workDir))
  const recovered = await recoverDatabase(workDir, log)
  const state = opened.use(openDatabase(databasePath(workDir), [taskSchema]))
  const conversions = await components.openConversions()
  opened.defer(() => close(conversions))
  const store = createSqliteTaskStore(state)
  // a process that died has left the layers of tasks that it could not end
  conversions.releaseAllBut(TASK_OWNER, new Set(store.unfinished().map(ownerOf)))
  const queue = await TaskQueue.open(
    { store, log, run: runTask(conversions, log) },
    {
      ...queueLimits(config),
      redact: (text) => redaction.apply(text),
      onEnded: async (task) => conversions.release(ownerOf(task)),
    },
  )
  const collecting = setInterval(
    () =>
      void conversions.collect().catch((error: unknown) => {
        log.error('converted layers could not be removed', { error })
      }),
    COLLECT_MS,
  ).unref()
  opened.defer(() => clearInterval(collecting))
  const useRegistry: ConversionService['useRegistry'] = (work) => conversions.useRegistry(work)
  const health = createHealth({ config, queue, useRegistry, log })
  opened.defer(() => health.stop())
  const metrics = createMetrics({
    name: config.server.name,
    tasks: () => queue.counts(),
    facts: {
      version: programVersion().text,
      freeBytes: async () => (await health.disk()).free,
      damagedDatabases: async () => (await damagedDatabases(workDir)).length,
      registries: () =>
        new Map([...health.registries()].map(([name, { answers }]) => [name, answers])),
    },
  })
  queue.subscribe(logFailures(log))
  queue.subscribe(measureTasks(metrics))
  const onReport = (report: ReconcileReport): void => measureSearch(metrics, report)
  const reconciler = createReconciler({ config, queue, log, useRegistry, onReport })
  opened.defer(() => reconciler.stop())
  // what the queue has lost
  if (recovered && config.reconcile.schedule !== undefined) reconciler.start({ dryRun: false })
  const server = await startHttpService({
    config,
    queue,
    log,
    redaction,
    metrics,
    health: () => health.check(),
    ready: () => health.ready(),
    status: () => wireStatus({ config, queue, health, conversions, redaction }),
    startBackfill: (init) => reconciler.start(init),
    backfill: () => wireBackfill(reconciler.state()),
  })
  const parts = opened.move()
  return {
    address: server.address,
    port: server.port,
    reconfigure(next) {
      const change = applyConfig(next, { live: config, conversions, queue })
      reconciler.reschedule()
      return change
    },
    reloaded: (ok) => metrics.configRead({ ok }),
    async stop() {
      const drainMs = config.server.drainTimeout * 1000
      const answered = server.stop({ deadlineMs: DEADLINES.answers + drainMs })
      const ended = reconciler
        .stop()
        .then(() => queue.stop({ deadlineMs: DEADLINES.tasks, drainMs }))
      const closed = Promise.allSettled([answered, ended]).then(() => parts.disposeAsync())
      await allOf([answered, ended, closed])
    },
  }
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
