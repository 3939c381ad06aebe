import type { RunTask, RunTaskInit } from '../tasks/queue.ts'
import type { Task, TaskOutcome } from '../tasks/task.ts'

/** Runs that end when the test says so, by source. */
export interface ScriptedRun {
  run: RunTask
  /** Sources in the order in which their runs began. */
  started: string[]
  /** What the last run of a source was given. */
  init(source: string): RunTaskInit
  task(source: string): Task
  end(source: string, outcome?: Partial<TaskOutcome>): void
  fail(source: string, error: unknown): void
}

/** Makes the runs; one ends by itself only when it is aborted, unless `stubborn`. */
export function scriptRun(init: { stubborn?: boolean } = {}): ScriptedRun {
  const started: string[] = []
  const runs = new Map<
    string,
    { task: Task; init: RunTaskInit; end: PromiseWithResolvers<TaskOutcome> }
  >()
  const of = (source: string) => {
    const run = runs.get(source)
    if (run === undefined) throw new Error(`${source} was not started`)
    return run
  }
  return {
    run(task, given) {
      started.push(task.source)
      const end = Promise.withResolvers<TaskOutcome>()
      runs.set(task.source, { task, init: given, end })
      given.signal.addEventListener('abort', () => {
        if (init.stubborn !== true) end.reject(new Error('the socket was closed'))
      })
      return end.promise
    },
    started,
    init: (source) => of(source).init,
    task: (source) => of(source).task,
    end: (source, outcome) =>
      of(source).end.resolve({ sourceSize: 10, targetSize: 12, ...outcome }),
    fail: (source, error) => of(source).end.reject(error),
  }
}
