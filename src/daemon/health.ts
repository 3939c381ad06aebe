import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { constants } from 'node:fs'
import { access, statfs, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { WireReadiness } from '../api/contract.ts'
import type { Config } from '../config/schema.ts'
import type { ConversionService } from '../convert/service.ts'
import { errorText, type Log } from '../log/log.ts'
import type { TaskQueue } from '../tasks/queue.ts'

/** Whether the service can do its work. */
export interface Health {
  /** What `/api/v1/health` says: throws when the work directory cannot be written to, or the last task could not be stored. */
  check(): Promise<void>
  /** What is needed to take orders, and whether the registries answer; looked up at most every few seconds. */
  ready(): Promise<WireReadiness>
  /** The file system of the work directory: its size and what is free of it, in bytes. */
  disk(): Promise<{ free: number; size: number }>
  /** The registries, by name, as they were the last time; they are asked again meanwhile, when that is long ago. */
  registries(): ReadonlyMap<string, RegistryHealth>
  /** Asks nobody any more. */
  stop(): void
}

/** How a registry was when it was asked. */
export interface RegistryHealth {
  answers: boolean
  /** Milliseconds since 1970. */
  at: number
  /** What was wrong, where it did not answer. */
  problem?: string
}

export interface HealthComponents {
  config: Config
  queue: Pick<TaskQueue, 'problem'>
  useRegistry: ConversionService['useRegistry']
  log: Log
}

export interface HealthInit {
  /** How long an answer of the file system holds, in milliseconds. @default 5 s */
  localMs?: number
  /** How long the answer of a registry holds, in milliseconds. @default a minute */
  registryMs?: number
  /** How long a registry may take to answer, in milliseconds. @default 10 s */
  timeoutMs?: number
}

/** How long `ready` waits for registries that are slow to answer, in milliseconds: who probes has a time limit of his own. */
const PATIENCE_MS = 2_000

/** Below this, no order can be relied on to be stored, in bytes. */
const MIN_FREE = 64 * 1024 * 1024

export function createHealth(components: HealthComponents, init: HealthInit = {}): Health {
  const { config, queue, useRegistry, log } = components
  const { localMs = 5_000, registryMs = 60_000, timeoutMs = 10_000 } = init
  const stopping = new AbortController()
  const asked = new Map<string, RegistryHealth>()

  const disk: Health['disk'] = async () => {
    const { bavail, blocks, bsize } = await statfs(config.provider.workDir)
    return { free: bavail * bsize, size: blocks * bsize }
  }

  const local = cached(localMs, async (): Promise<Omit<WireReadiness['checks'], 'registries'>> => {
    const [written, { free }] = await Promise.all([
      isWritable(config.provider.workDir, log),
      disk().catch(() => ({ free: 0 })),
    ])
    return {
      database: queue.problem === undefined && written ? 'ok' : 'failing',
      disk: free >= MIN_FREE ? 'ok' : 'failing',
    }
  })

  const probe = async (host: string): Promise<void> => {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(timeoutMs)])
    const before = asked.get(host)?.answers
    try {
      await useRegistry((registry) => registry.check(host, { signal }))
      if (before === false) log.info(`${host} answers again`)
      asked.set(host, { answers: true, at: Date.now() })
    } catch (error) {
      if (stopping.signal.aborted) return
      if (before !== false) log.warn(`${host} does not answer: ${errorText(error)}`)
      // without its causes, which name addresses
      const problem = error instanceof Error ? error.message : String(error)
      asked.set(host, { answers: false, at: Date.now(), problem })
    }
  }

  const remote = cached(registryMs, async () => {
    const hosts = [...config.provider.source.keys()]
    for (const host of asked.keys()) if (!hosts.includes(host)) asked.delete(host)
    await Promise.all(hosts.map(probe))
  })

  return {
    async check() {
      const { workDir } = config.provider
      if (queue.problem !== undefined) throw queue.problem
      await access(workDir, constants.W_OK)
      if ((await disk()).free === 0) throw new Error(`no space left in ${workDir}`)
    },
    async ready() {
      const patience = AbortSignal.timeout(PATIENCE_MS)
      const [checks] = await Promise.all([local(), Promise.race([remote(), aborted(patience)])])
      const registries = [...asked.values()].every(({ answers }) => answers) ? 'ok' : 'failing'
      // orders are kept while a registry is away: that is no reason to refuse them
      const ready = checks.database === 'ok' && checks.disk === 'ok'
      return { ready, checks: { ...checks, registries } }
    },
    disk,
    registries() {
      void remote()
      return asked
    },
    stop: () => stopping.abort(),
  }
}

/** Resolves when `signal` is aborted. */
async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}

/** Whether a file can be written and removed again. */
async function isWritable(folder: string, log: Log): Promise<boolean> {
  const path = join(folder, `.probe-${randomUUID()}`)
  try {
    await writeFile(path, 'x')
    await unlink(path)
    return true
  } catch (error) {
    log.error(`${folder} cannot be written to`, { error })
    return false
  }
}

/** The answer of `ask`, asked again when it is older than `ms`; those who ask meanwhile wait for the same answer. */
function cached<T>(ms: number, ask: () => Promise<T>): () => Promise<T> {
  let held: { answer: Promise<T>; at: number } | undefined
  return () => {
    const now = performance.now()
    if (held === undefined || now - held.at > ms) held = { answer: ask(), at: now }
    return held.answer
  }
}
