import type { Config } from '../config/schema.ts'
import { AccelError } from '../errors/accel-error.ts'
import { errorText, type Log } from '../log/log.ts'
import { systemClock, type Clock } from '../network/clock.ts'
import type { RegistryClient } from '../registry/client.ts'
import { describeHostReport, emptyReport, type ReconcileReport } from './report.ts'
import { search, type SearchComponents } from './search.ts'

/** What a reconciler works with. */
export interface ReconcilerComponents {
  /** The configuration; may be one that is read again. */
  config: Config
  queue: SearchComponents['queue']
  log: Log
  /** Does `work` with the client of the registries as they are configured now. */
  useRegistry<T>(work: (registry: RegistryClient) => Promise<T>): Promise<T>
  /** Is told of every search that ended. @default nobody is */
  onReport?: (report: ReconcileReport) => void
  /** @default the machine's */
  clock?: Clock
}

/** Where searches stand. */
export interface ReconcilerState {
  running: boolean
  /** When the search that runs, or the last one, began; milliseconds since 1970. */
  started?: number
  /** What it has found so far. */
  report?: ReconcileReport
}

/** Looks for images that should have been converted, on a schedule and when asked. */
export interface Reconciler {
  state(): ReconcilerState
  /** Searches now. Throws RECONCILE_RUNNING while another search is under way, ABORTED, CONFIG_UNREADABLE. */
  run(init: { dryRun: boolean }): Promise<ReconcileReport>
  /** The same, and does not wait for its end: `state` and the log tell of it. Throws RECONCILE_RUNNING. */
  start(init: { dryRun: boolean }): void
  /** Reads the schedule again. */
  reschedule(): void
  /** Ends the search that is under way, and begins no other. */
  stop(): Promise<void>
}

/** The schedule is looked at this often at least, so that a clock that was set, or a sleeping machine, delays it by no more. */
const MAX_SLEEP_MS = 10 * 60_000

export function createReconciler(components: ReconcilerComponents): Reconciler {
  const { config, queue, useRegistry, onReport = () => undefined } = components
  const { clock = systemClock } = components
  const log = components.log.child({ module: 'reconcile' })
  const stopping = new AbortController()
  let running: Promise<ReconcileReport> | undefined
  let rescheduled = new AbortController()

  let last: Pick<ReconcilerState, 'started' | 'report'> = {}

  async function searchOnce(dryRun: boolean): Promise<ReconcileReport> {
    const report = emptyReport(dryRun)
    last = { started: clock.now(), report }
    await useRegistry(async (registry) => {
      const parts = { registry, queue, clock, log }
      await search(parts, { config, dryRun, signal: stopping.signal }, report)
    })
    for (const host of report.hosts) {
      const line = describeHostReport(host, dryRun)
      if (host.error === undefined) log.info(line)
      else log.warn(line, { code: host.error.code, hint: host.error.hint })
    }
    onReport(report)
    return report
  }

  function run({ dryRun }: { dryRun: boolean }): Promise<ReconcileReport> {
    if (stopping.signal.aborted) throw new AccelError('ABORTED', { what: 'the search' })
    if (running !== undefined) throw new AccelError('RECONCILE_RUNNING', {})
    running = searchOnce(dryRun).finally(() => (running = undefined))
    return running
  }

  /** Waits for the next time of the schedule; false when there is none, or another schedule holds now. */
  async function due(signal: AbortSignal): Promise<boolean> {
    const at = config.reconcile.schedule?.next(clock.now())
    if (at === undefined) return false
    log.debug('the next search', { at: new Date(at).toISOString() })
    try {
      while (clock.now() < at) await clock.sleep(Math.min(at - clock.now(), MAX_SLEEP_MS), signal)
      return true
    } catch {
      return false
    }
  }

  async function serve(signal: AbortSignal): Promise<void> {
    while (await due(signal)) {
      if (running !== undefined) continue
      try {
        await run({ dryRun: false })
      } catch (error) {
        if (stopping.signal.aborted) return
        log.error(`the search failed: ${errorText(error)}`, { error })
      }
    }
  }

  function begin(): void {
    void serve(AbortSignal.any([stopping.signal, rescheduled.signal]))
  }

  begin()
  return {
    state: () => ({ running: running !== undefined, ...last }),
    run: async (init) => run(init),
    start(init) {
      run(init).catch((error: unknown) => {
        if (!stopping.signal.aborted) log.error(`the search failed: ${errorText(error)}`, { error })
      })
    },
    reschedule() {
      rescheduled.abort()
      rescheduled = new AbortController()
      begin()
    },
    async stop() {
      stopping.abort(new AccelError('ABORTED', { what: 'the search' }))
      await running?.catch(() => undefined)
    },
  }
}
