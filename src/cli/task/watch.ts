import type { ServiceClient } from '../../api/client.ts'
import type { WireRecord, WireTaskDetail } from '../../api/contract.ts'
import type { TaskNews } from '../../api/follow-task.ts'
import { AccelError } from '../../errors/accel-error.ts'
import type { Log } from '../../log/log.ts'
import { openLiveRegion, type LiveRegion } from '../live-region.ts'
import { voiceOf, type ProgramIo } from '../program-io.ts'
import { createTaskView } from './task-view.ts'

/** How `watchTask` speaks. */
export interface WatchInit {
  /** Nothing but the view of the progress, and that only on a terminal. @default false */
  quiet?: boolean
}

/**
 * Follows a task until it has ended and returns it as it is then: on a terminal with a view that is drawn in place,
 * else with a line of the log for each thing that happens. Throws HTTP_SERVICE_….
 */
export async function watchTask(
  client: ServiceClient,
  id: string,
  io: ProgramIo,
  { quiet = false }: WatchInit = {},
): Promise<WireTaskDetail> {
  const view = createTaskView(() => performance.now())
  let region: LiveRegion | undefined
  const { log, movable } = voiceOf(io, 'info', (line) => {
    if (region === undefined) io.stderr.write(line)
    else region.print(line)
  })
  if (movable) region = openLiveRegion(io.stderr, (size) => view.lines(size))
  let last: WireTaskDetail | undefined
  try {
    for await (const news of client.followTask(id, { signal: io.signal })) {
      view.take(news)
      if (news.type === 'task') last = news.task
      if (!quiet) say(log, news)
    }
  } finally {
    region?.end()
  }
  // a task that ended before anybody listened has told nothing
  return last ?? (await client.getTask(id, { signal: io.signal }))
}

/** Throws when `task` has not ended in a result: HTTP_SERVICE_ANSWER when it failed, HTTP_SERVICE_TASK_ENDED otherwise. */
export function requireResult(task: WireTaskDetail): void {
  const { id, state, reason } = task
  if (state === 'failed') {
    const { code = 'ERR_CONVERT_FAILED' } = task
    throw new AccelError('HTTP_SERVICE_ANSWER', { status: 500, code, message: reason })
  }
  if (state !== 'completed') throw new AccelError('HTTP_SERVICE_TASK_ENDED', { id, state, reason })
}

function say(log: Log, news: TaskNews): void {
  if (news.type === 'record') sayRecord(log, news.record)
  if (news.type === 'reconnecting') log.warn(`${news.problem}; trying again`)
}

function sayRecord(log: Log, { type, message, code }: WireRecord): void {
  const text = message === undefined ? type : `${type}: ${message}`
  const bad = ['warning', 'retrying', 'interrupted', 'failed'].includes(type)
  if (bad) log.warn(text, { code })
  else log.info(text)
}
