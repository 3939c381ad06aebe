import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** Where the time of a task goes. */
export type Phase = 'wait' | 'pull' | 'convert' | 'push'

/** What the service counts besides what upstream's did. */
export interface ServiceMetrics {
  phaseEnded(ended: { phase: Phase; seconds: number }): void
  /** Bytes of layers: read from a registry, written into the work directory, pushed to a registry. */
  bytesMoved(moved: { read: number; written: number; pushed: number }): void
  /** A task has ended for good; `reused` when an earlier result was found. */
  taskEnded(ended: { state: string; reused: boolean }): void
  /** An attempt has failed, with the code of its error; `again` when another one follows. */
  attemptFailed(failed: { code: string; again: boolean }): void
  /** The configuration was read again. */
  configRead(read: { ok: boolean }): void
  /** A search for images has ended. */
  searched(search: { queued: number; errors: number }): void
}

/** What is looked up when the metrics are asked for. */
export interface ServiceFacts {
  /** `v0.1.0 <commit>.<time>` */
  version: string
  /** Free bytes where the work directory is; a rejection leaves the last value. */
  freeBytes(): Promise<number>
  /** Damaged databases that lie in the work directory; a rejection leaves the last value. */
  damagedDatabases(): Promise<number>
  /** The registries and whether they answered the last time. */
  registries(): ReadonlyMap<string, boolean>
}

/** From what a layer of nothing takes to what an image of tens of gigabytes does, in seconds. */
const PHASE_BUCKETS = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200]

const prefix = 'acceleration_service_core'

/** The instruments, in `registry`, and what to do before they are shown. */
export function createServiceMetrics(
  registry: Registry,
  facts: ServiceFacts,
): ServiceMetrics & { refresh(): Promise<void> } {
  const registers = [registry]
  const counter = (name: string, help: string, labelNames: string[] = []): Counter =>
    new Counter({ name: `${prefix}_${name}`, help, labelNames, registers })
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
    new Gauge({ name: `${prefix}_${name}`, help, labelNames, registers })
  const phases = new Histogram({
    name: `${prefix}_phase_duration_seconds`,
    help: 'Where the time of completed conversions goes: in line, pull, convert, push.',
    labelNames: ['phase'],
    buckets: PHASE_BUCKETS,
    registers,
  })
  const read = counter('read_bytes_total', 'Bytes of layers read from registries.')
  const written = counter('written_bytes_total', 'Bytes of converted layers written.')
  const pushed = counter('pushed_bytes_total', 'Bytes of layers pushed to registries.')
  const ended = counter('tasks_ended_total', 'Tasks that have ended, by state.', ['state'])
  const reused = counter(
    'results_reused_total',
    'Tasks for which an earlier result was found, so that nothing was converted.',
  )
  const retries = counter('task_retries_total', 'Attempts that are repeated, by error.', ['code'])
  const failures = counter('task_failures_total', 'Tasks that failed for good, by error.', ['code'])
  const reloads = counter('config_reloads_total', 'Readings of the configuration by signal.', [
    'result',
  ])
  const found = counter('search_queued_total', 'Tasks that searches for images have queued.')
  const broken = counter('search_errors_total', 'Registries in which a search ended early.')
  const free = gauge('work_dir_free_bytes', 'Free bytes where the work directory is.')
  const damaged = gauge(
    'damaged_databases',
    'Databases that were found damaged at a start and moved aside, until somebody removes them.',
  )
  const up = gauge('registry_up', 'Whether the registry answered the last time it was asked.', [
    'registry',
  ])
  gauge('build_info', 'Always 1; the version is in the label.', ['version']).set(
    { version: facts.version },
    1,
  )
  return {
    phaseEnded: ({ phase, seconds }) => phases.observe({ phase }, seconds),
    bytesMoved(moved) {
      read.inc(moved.read)
      written.inc(moved.written)
      pushed.inc(moved.pushed)
    },
    taskEnded({ state, reused: again }) {
      ended.inc({ state })
      if (again) reused.inc()
    },
    attemptFailed: ({ code, again }) => (again ? retries : failures).inc({ code }),
    configRead: ({ ok }) => reloads.inc({ result: ok ? 'ok' : 'refused' }),
    searched({ queued, errors }) {
      found.inc(queued)
      broken.inc(errors)
    },
    async refresh() {
      up.reset()
      for (const [name, answers] of facts.registries()) up.set({ registry: name }, answers ? 1 : 0)
      // where the disk is not well the last value stands; readiness tells that
      const stay = (): void => undefined
      await facts.freeBytes().then((bytes) => free.set(bytes), stay)
      await facts.damagedDatabases().then((count) => damaged.set(count), stay)
    },
  }
}
