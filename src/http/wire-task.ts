import {
  NEVER,
  type TaskStatus,
  type WireLayer,
  type WireLayerResult,
  type WireProgress,
  type WireRecord,
  type WireReport,
  type WireTask,
  type WireTaskDetail,
  type WireTimings,
} from '../api/contract.ts'
import type {
  LayerOutcome,
  LayerTimes,
  Task,
  TaskProgress,
  TaskRecord,
  TaskReport,
  TaskState,
  TaskTimings,
} from '../tasks/task.ts'

/** What upstream's clients are told of a state. */
const statuses: Record<TaskState, TaskStatus> = {
  waiting: 'PROCESSING',
  running: 'PROCESSING',
  completed: 'COMPLETED',
  failed: 'FAILED',
  cancelled: 'FAILED',
  // what the tag names now has a task of its own
  superseded: 'COMPLETED',
}

/** How a client of upstream sees a state. */
export function statusOf(state: TaskState): TaskStatus {
  return statuses[state]
}

/** The states that upstream's clients see as `status`. */
export function statesOf(status: TaskStatus): TaskState[] {
  const states = Object.keys(statuses) as TaskState[]
  return states.filter((state) => statuses[state] === status)
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
    state: task.state,
    registry: task.host,
    attempts: task.attempts,
  }
  if (task.interruptions > 0) wire.interruptions = task.interruptions
  if (task.notBefore !== undefined) wire.next_attempt = rfc3339(task.notBefore)
  if (task.started !== undefined) wire.started = rfc3339(task.started)
  const sourceDigest = outcome?.sourceDigest ?? task.digest
  if (sourceDigest !== undefined) wire.source_digest = sourceDigest
  const target = outcome?.target ?? task.target
  if (target !== undefined) wire.target = target
  if (outcome?.targetDigest !== undefined) wire.target_digest = outcome.targetDigest
  if (task.code !== undefined) wire.code = task.code
  if (outcome?.skipped !== undefined) wire.skipped = true
  if (outcome?.reused) wire.reused = true
  return wire
}

/** A task in full. */
export function wireTaskDetail(task: Task): WireTaskDetail {
  const wire: WireTaskDetail = wireTask(task)
  if (task.remedy !== undefined) wire.remedy = task.remedy
  if (task.causes !== undefined) wire.causes = [...task.causes]
  if (task.rule !== undefined) wire.rule = task.rule
  if (task.progress !== undefined) wire.progress = wireProgress(task.progress)
  const timings = { ...task.timings, ...task.outcome?.timings }
  if (Object.keys(timings).length > 0) wire.timings = wireTimings(timings)
  return wire
}

/** A task in full, with each of its layers. */
export function wireTaskWithLayers(task: Task): WireTaskDetail {
  const layers = task.progress?.each
  const report = task.outcome?.report
  return {
    ...wireTaskDetail(task),
    ...(layers === undefined ? {} : { layers: layers.map(wireLayer) }),
    ...(report === undefined ? {} : { report: wireReport(report) }),
  }
}

function wireReport({ driver, layers, kept, verifiedPaths }: TaskReport): WireReport {
  return {
    driver,
    layers: layers.map(wireLayerResult),
    kept: kept.map((member) => ({ ...member })),
    ...(verifiedPaths === undefined ? {} : { verified_paths: verifiedPaths }),
  }
}

function wireLayerResult(layer: LayerOutcome): WireLayerResult {
  const { mediaType, sourceSize, targetSize, indexSize, warnings, ...wire } = layer
  return {
    ...wire,
    media_type: mediaType,
    source_size: sourceSize,
    target_size: targetSize,
    ...(indexSize === undefined ? {} : { index_size: indexSize }),
    ...(warnings === undefined ? {} : { warnings: [...warnings] }),
  }
}

/** Where a task stands. */
export function wireProgress(progress: TaskProgress): WireProgress {
  return {
    phase: progress.phase,
    layers: progress.layers,
    layers_done: progress.layersDone,
    source_bytes: progress.sourceBytes,
    read_bytes: progress.readBytes,
    written_bytes: progress.writtenBytes,
    pushed_bytes: progress.pushedBytes,
  }
}

/** Most layers of an event: more are not worked on at once, as a rule. */
const MAX_ACTIVE = 16

/** The layers that are converted or pushed just now. */
export function activeLayers({ each = [] }: TaskProgress): WireLayer[] {
  const active = each.filter(({ state }) => state === 'converting' || state === 'pushing')
  return active.slice(0, MAX_ACTIVE).map(wireLayer)
}

function wireLayer(layer: LayerTimes): WireLayer {
  const { convertFrom, convertTo, pushFrom, pushTo, ...wire } = layer
  return {
    ...wire,
    ...(convertFrom === undefined ? {} : { convert_from: rfc3339(convertFrom) }),
    ...(convertTo === undefined ? {} : { convert_to: rfc3339(convertTo) }),
    ...(pushFrom === undefined ? {} : { push_from: rfc3339(pushFrom) }),
    ...(pushTo === undefined ? {} : { push_to: rfc3339(pushTo) }),
  }
}

/** Something that happened to a task. */
export function wireRecord({ time, type, message, code }: TaskRecord): WireRecord {
  return {
    time: rfc3339(time),
    type,
    ...(message === undefined ? {} : { message }),
    ...(code === undefined ? {} : { code }),
  }
}

function wireTimings(timings: TaskTimings): WireTimings {
  const { waitMs, runMs, pullMs, convertMs, pushMs } = timings
  return {
    ...(waitMs === undefined ? {} : { wait_ms: waitMs }),
    ...(runMs === undefined ? {} : { run_ms: runMs }),
    ...(pullMs === undefined ? {} : { pull_ms: pullMs }),
    ...(convertMs === undefined ? {} : { convert_ms: convertMs }),
    ...(pushMs === undefined ? {} : { push_ms: pushMs }),
  }
}

function rfc3339(time: number): string {
  return new Date(time).toISOString()
}
