import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { pushBuilt } from '../../src/testing/image-builder.ts'
import { seeded } from '../../src/testing/random-file-tree.ts'
import type { SoakInit } from './arguments.ts'
import { auditRegistry, auditWorkDirectory, type Findings } from './audit.ts'
import { freePort, SoakDaemon, urlOf } from './daemon.ts'
import { planSoak, type Chance, type SoakPlan } from './plan.ts'
import { startSoakRegistry, type SoakRegistry } from './registry.ts'

export interface SoakResult {
  findings: Findings
  kills: number
  pushes: number
  webhooks: number
  tasks: number
  /** Conversions that came to their end, by the log, and of their layers those that were found in the store. */
  converted: { images: number; layers: number; found: number }
  seconds: number
}

/** Moments that are worth a kill: each is the beginning of something. */
const moments = [
  /pulling image/,
  /converting image/,
  /converted image/,
  /pushing image/,
  /pushed image/,
  /image has been converted/,
]
/** A kill comes so much later at the most, in milliseconds. */
const LATER = 250
/** When nothing is to do for this long, the kill comes all the same. */
const IDLE_MS = 1500
/** All of it takes at most that long after the last kill. */
const PATIENCE_MS = 300_000

/** Runs one soak, in a temporary directory that is removed, and says what it found. */
export async function runSoak(init: SoakInit): Promise<SoakResult> {
  const begun = performance.now()
  const directory = await mkdtemp(join(tmpdir(), 'soak-'))
  const converted = { images: 0, layers: 0, found: 0 }
  const count = (line: string): void => {
    const [, found, layers] = /converted image \S+ \(cached (\d+)\/(\d+)\)/.exec(line) ?? []
    if (layers === undefined) return
    converted.images += 1
    converted.layers += Number(layers)
    converted.found += Number(found)
  }
  try {
    const plan = planSoak(init)
    const port = await freePort()
    await using registry = await startSoakRegistry(urlOf(port))
    const daemon = await SoakDaemon.create({
      directory,
      port,
      registry: registry.host,
      onLine(line) {
        count(line)
        init.onLine?.(line)
      },
    })
    await daemon.start()
    try {
      const killed = killAll(daemon, init)
      await Promise.all([pushAll(plan, registry, init, killed), killed.done])
      init.say('all is pushed and killed; waiting for the rest')
      // every push was told; what the daemon pushes is told as well
      await registry.report()
      const tasks = await untilDone(daemon)
      const report = await registry.report()
      const failed = tasks.filter(({ status }) => status === 'FAILED')
      const findings = await auditRegistry(plan, registry, report)
      findings.push(...failed.map(({ source, reason }) => `${source} failed: ${reason}`))
      await daemon.stop()
      findings.push(...auditWorkDirectory(daemon.workDir))
      const seconds = (performance.now() - begun) / 1000
      const { kills } = init
      const [pushes, webhooks] = [plan.pushes.length, report.deliveries]
      return { findings, kills, pushes, webhooks, tasks: tasks.length, converted, seconds }
    } finally {
      await daemon.kill()
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Kills under way. */
interface Kills {
  done: Promise<void>
  /** Resolves when this share of them, from 0 to 1, is done. */
  reached(share: number): Promise<void>
}

/** Kills the daemon again and again, at moments of its work, and starts it again. */
function killAll(daemon: SoakDaemon, { kills, seed, say }: SoakInit): Kills {
  const chance = seeded(seed + 1)
  let count = 0
  let waiting: { at: number; resolve: () => void }[] = []
  const run = async (): Promise<void> => {
    while (count < kills) {
      await Promise.race([moment(daemon, chance), daemon.idle(IDLE_MS)])
      await daemon.kill()
      count += 1
      say(`killed ${count} of ${kills}`)
      await daemon.start()
      const due = waiting.filter(({ at }) => at <= count)
      waiting = waiting.filter(({ at }) => at > count)
      for (const { resolve } of due) resolve()
    }
  }
  return {
    done: run(),
    reached: (share) =>
      new Promise((resolve) => {
        const at = share * kills
        if (at <= count) resolve()
        else waiting.push({ at, resolve })
      }),
  }
}

/** Resolves at a moment of the daemon's work. It comes by the log and not by the time, so that a slow machine gets on too. */
async function moment(daemon: SoakDaemon, chance: Chance): Promise<void> {
  const pattern = moments[chance(moments.length)]!
  for (let times = 1 + chance(3); times > 0; times--) await daemon.line(pattern)
  await pause(chance(LATER))
}

/** Pushes all, by several clients, spread over the kills. */
async function pushAll(
  { pushes }: SoakPlan,
  registry: SoakRegistry,
  { clients, say }: SoakInit,
  kills: Kills,
): Promise<void> {
  let next = 0
  const client = async (): Promise<void> => {
    while (next < pushes.length) {
      const i = next++
      const { image, tag } = pushes[i]!
      // the last ones come before the last kill
      await kills.reached((0.95 * i) / pushes.length)
      await pushBuilt(image.image, registry.repository(image.repository), { tag })
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  say('all is pushed')
}

async function untilDone(daemon: SoakDaemon): ReturnType<SoakDaemon['tasks']> {
  const end = performance.now() + PATIENCE_MS
  for (;;) {
    const tasks = await daemon.tasks()
    if (tasks.every(({ status }) => status !== 'PROCESSING')) return tasks
    if (performance.now() > end) return tasks
    await pause(200)
  }
}
