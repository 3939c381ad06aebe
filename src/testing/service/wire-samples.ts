import { NEVER, type WireStatus, type WireTask } from '../../api/contract.ts'

/** A task as the API tells of one that was just taken, but for what `more` says. */
export function wireTask(more: Partial<WireTask> = {}): WireTask {
  return {
    id: '5bdf7e80-1f1e-461f-a50d-f41d27434662',
    created: '2026-11-21T08:00:00.000Z',
    finished: NEVER,
    source: 'hub.test/app:1',
    source_size: 0,
    target_size: 0,
    status: 'PROCESSING',
    reason: '',
    state: 'waiting',
    registry: 'hub.test',
    attempts: 0,
    ...more,
  }
}

/** The status of a service that has nothing to do and has kept nothing, but for what `more` says. */
export function wireStatus(more: Partial<WireStatus> = {}): WireStatus {
  return {
    version: 'v0.0.0',
    waiting: 0,
    running: 0,
    workers: 1,
    disk: { free: 0, size: 0 },
    store: { layers: 0, content: 0, needed: 0, under_way: 0, limit: 0 },
    registries: [],
    ...more,
  }
}
