import { NEVER, type TaskStatus, type WireTask } from '../api/contract.ts'
import type { Task, TaskState } from '../tasks/task.ts'

const statuses: Record<TaskState, TaskStatus> = {
  waiting: 'PROCESSING',
  running: 'PROCESSING',
  completed: 'COMPLETED',
  failed: 'FAILED',
  cancelled: 'FAILED',
  // what the tag names now is converted by a task of its own
  superseded: 'COMPLETED',
}

/** How a client of upstream sees a state. */
export function statusOf(state: TaskState): TaskStatus {
  return statuses[state]
}

/** A task as the API lists it; upstream's members first, in upstream's order. */
export function wireTask(task: Task): WireTask {
  const { outcome } = task
  const wire: WireTask = {
    id: task.id,
    created: rfc3339(task.created),
    finished: task.finished === undefined ? NEVER : rfc3339(task.finished),
    source: task.source,
    source_size: outcome?.sourceSize ?? 0,
    target_size: outcome?.targetSize ?? 0,
    status: statusOf(task.state),
    reason: task.reason ?? outcome?.skipped ?? '',
  }
  if (task.started !== undefined) wire.started = rfc3339(task.started)
  const sourceDigest = outcome?.sourceDigest ?? task.digest
  if (sourceDigest !== undefined) wire.source_digest = sourceDigest
  if (outcome?.target !== undefined) wire.target = outcome.target
  if (outcome?.targetDigest !== undefined) wire.target_digest = outcome.targetDigest
  if (task.code !== undefined) wire.code = task.code
  if (outcome?.skipped !== undefined) wire.skipped = true
  return wire
}

function rfc3339(time: number): string {
  return new Date(time).toISOString()
}
