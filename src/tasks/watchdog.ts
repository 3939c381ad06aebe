import { AccelError } from '../errors/accel-error.ts'
import type { TaskClock } from './clock.ts'
import type { Task, TaskProgress } from './task.ts'

/** How long one attempt may take. */
export interface WatchdogInit {
  /** In all, in milliseconds. @default 6 h */
  deadlineMs?: number
  /** Without a byte that moves, in milliseconds. Waiting for room on the disk does not count. @default 10 min */
  stallMs?: number
}

/** Watches one attempt. */
export interface Watchdog {
  /** Is told where the attempt stands. */
  saw(progress: TaskProgress): void
  stop(): void
}

/** Calls `bite` with TASK_DEADLINE or TASK_STALLED when an attempt takes too long. */
export function watch(
  task: Task,
  clock: TaskClock,
  init: Required<WatchdogInit>,
  bite: (error: AccelError) => void,
): Watchdog {
  const { deadlineMs, stallMs } = init
  const { source } = task
  const seconds = (ms: number): number => Math.round(ms / 1000)
  const stopDeadline = clock.after(deadlineMs, () =>
    bite(new AccelError('TASK_DEADLINE', { source, seconds: seconds(deadlineMs) })),
  )
  let last: TaskProgress | undefined
  let moved = clock.elapsed()
  let stopStall = (): void => {}
  const wait = (ms: number): void => {
    stopStall = clock.after(ms, () => {
      if (last?.phase === 'disk') moved = clock.elapsed()
      const left = moved + stallMs - clock.elapsed()
      if (left > 0) return wait(left)
      bite(new AccelError('TASK_STALLED', { source, seconds: seconds(stallMs) }))
    })
  }
  wait(stallMs)
  return {
    saw(progress) {
      if (last === undefined || hasMoved(last, progress)) moved = clock.elapsed()
      last = progress
    },
    stop() {
      stopDeadline()
      stopStall()
    },
  }
}

function hasMoved(before: TaskProgress, now: TaskProgress): boolean {
  return (
    before.phase !== now.phase ||
    before.layersDone !== now.layersDone ||
    before.readBytes !== now.readBytes ||
    before.writtenBytes !== now.writtenBytes ||
    before.pushedBytes !== now.pushedBytes
  )
}
