/** The HTTP service of one test: a real server on a free port of 127.0.0.1, with a run that the test scripts. */
import type { WireBackfill, WireReadiness, WireStatus } from '../../api/contract.ts'
import { parseConfig } from '../../config/load.ts'
import type { TaskFeedInit } from '../../http/events/task-feed.ts'
import { startHttpService } from '../../http/service.ts'
import type { HttpServer } from '../../http/server.ts'
import { createLog } from '../../log/log.ts'
import { createRedaction } from '../../log/redaction.ts'
import { createMetrics } from '../../metrics/metrics.ts'
import { TaskQueue, type RunTask } from '../../tasks/queue.ts'
import { memoryTaskStore } from '../memory-task-store.ts'
import { sendRequest, type Answer, type ListeningAt, type TestRequest } from './send-request.ts'
import { wireStatus } from './wire-samples.ts'

export interface TestService extends AsyncDisposable {
  server: HttpServer
  queue: TaskQueue
  /** Lines of the log so far. */
  lines: string[]
  /** Where a client connects: a port of 127.0.0.1 or a socket. */
  where: ListeningAt
  /** Sends one request on a connection of its own. */
  send(request: TestRequest): Promise<Answer>
}

export interface TestServiceInit {
  /** The configuration file; `port: 0` is put into its `server` section by the test itself. */
  yaml: string
  /** @default every task completes at once */
  run?: RunTask
  health?: () => Promise<void>
  /** @default all is well */
  ready?: () => Promise<WireReadiness>
  /** @default nothing is kept, no registry was asked */
  status?: () => Promise<WireStatus>
  /** Folder of the dashboard's files. @default that of the checkout */
  dashboard?: string
  /** How events are told. @default as in the program */
  feed?: TaskFeedInit
  /** How the certificate's files are followed. @default as in the program */
  tls?: { everyMs: number }
  /** How the queue tries again. @default as in the program */
  attempts?: { attempts?: number; pauseMs?: number }
}

const readiness: WireReadiness = {
  ready: true,
  checks: { database: 'ok', disk: 'ok', registries: 'ok' },
}

/** Starts the service. */
export async function startTestService(init: TestServiceInit): Promise<TestService> {
  const { config, secrets } = parseConfig(init.yaml, 'config.yaml')
  const lines: string[] = []
  const redaction = createRedaction()
  for (const secret of secrets) redaction.add(secret)
  const log = createLog({ write: (line) => lines.push(line), redaction, level: 'debug' })
  const run = init.run ?? (() => Promise.resolve({ sourceSize: 0, targetSize: 0 }))
  const queue = await TaskQueue.open(
    { store: memoryTaskStore(), log, run },
    { workers: config.converter.worker, ...init.attempts },
  )
  const facts = {
    version: 'v0.0.0',
    freeBytes: () => Promise.resolve(0),
    damagedDatabases: async () => 0,
    registries: () => new Map<string, boolean>(),
  }
  const { name } = config.server
  const metrics = createMetrics({ name, tasks: () => queue.counts(), facts })
  const health = init.health ?? (() => Promise.resolve())
  const backfill: WireBackfill = { running: false, registries: [], queued: [] }
  const server = await startHttpService(
    {
      config,
      queue,
      log,
      redaction,
      metrics,
      health,
      ready: init.ready ?? (() => Promise.resolve(readiness)),
      status: init.status ?? (() => Promise.resolve(wireStatus())),
      startBackfill({ dryRun }) {
        backfill.running = true
        backfill.dry_run = dryRun
      },
      backfill: () => backfill,
      ...(init.dashboard === undefined ? {} : { dashboard: init.dashboard }),
    },
    {
      ...(init.feed === undefined ? {} : { feed: init.feed }),
      ...(init.tls === undefined ? {} : { tls: init.tls }),
    },
  )
  const where =
    server.port === undefined ? { socketPath: config.server.uds } : { port: server.port }
  return {
    server,
    queue,
    lines,
    where,
    send: (request) => sendRequest(where, request),
    async [Symbol.asyncDispose]() {
      await queue.stop({ deadlineMs: 0 })
      await server.stop({ deadlineMs: 0 })
    },
  }
}
