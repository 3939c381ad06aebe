import type { TaskClock } from './clock.ts'
import type { OpenTask } from './open-tasks.ts'
import type { RunTask } from './queue-init.ts'
import type { TaskOutcome, TaskProgress } from './task.ts'
import { watch, type WatchdogInit } from './watchdog.ts'

/** How an attempt ended: with a result, or with what was thrown or why it was stopped. */
export type Ending = { outcome: TaskOutcome } | { error: unknown }

/** What an attempt works with. */
export interface AttemptParts extends Required<WatchdogInit> {
  clock: TaskClock
  /** How long the run may go on that was told to stop, in milliseconds. */
  graceMs: number
  /** Is told what the run says, until the attempt has ended. */
  progress(progress: TaskProgress): void
  warn(message: string): void
  /** Is told that the run goes on although its time is over. */
  abandoned(): void
}

/** Warnings of one attempt that are kept. */
const MAX_WARNINGS = 100

/** Runs a task once, watched; a run that does not stop when it should is left to itself. Never rejects. */
export async function attempt(open: OpenTask, run: RunTask, parts: AttemptParts): Promise<Ending> {
  const { clock, graceMs } = parts
  const { abort } = open
  const { signal } = abort
  const dog = watch(open.task, clock, parts, (error) => abort.abort(error))
  const given = Promise.withResolvers<never>()
  let cancelGrace = (): void => {}
  const stopping = (): void => {
    cancelGrace = clock.after(graceMs, () => {
      parts.abandoned()
      given.reject(signal.reason)
    })
  }
  signal.addEventListener('abort', stopping, { once: true })
  let ended = false
  let warnings = 0
  const work = async (): Promise<TaskOutcome> =>
    run(open.task, {
      signal,
      progress(progress) {
        if (ended) return
        dog.saw(progress)
        parts.progress(progress)
      },
      warn(message) {
        warnings += 1
        if (ended || warnings > MAX_WARNINGS) return
        parts.warn(warnings === MAX_WARNINGS ? 'further warnings are in the log only' : message)
      },
    })
  try {
    return { outcome: await Promise.race([work(), given.promise]) }
  } catch (error) {
    // what a run throws while it is being stopped says less than why it is stopped
    return { error: signal.aborted ? signal.reason : error }
  } finally {
    ended = true
    dog.stop()
    cancelGrace()
    signal.removeEventListener('abort', stopping)
  }
}
