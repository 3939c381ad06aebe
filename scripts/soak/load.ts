/**
 * How acceld answers while both cores convert and thousands of tasks wait: `node scripts/soak/load.ts [TASKS]`. Prints
 * the latencies of accepted webhooks and of the list, and the memory of the daemon. It starts a registry and an acceld
 * of its own, with large images that take all the time, and removes everything in the end.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildImage, buildLargeLayer, pushBuilt } from '../../src/testing/image-builder.ts'
import { freePort, SoakDaemon, urlOf } from './daemon.ts'
import { AUTH_HEADER, startSoakRegistry } from './registry.ts'

const LARGE_IMAGES = 3
/** Bytes of a layer, a multiple of 512: half a minute of work for two cores. */
const LARGE_LAYER = 2 ** 29
/** Webhooks that are sent at once. */
const SENDERS = 8

const tasks = Number(process.argv[2] ?? 5000)
const directory = await mkdtemp(join(tmpdir(), 'load-'))
const headers = { authorization: AUTH_HEADER, 'content-type': 'application/json' }

/** Milliseconds that `call` takes. */
async function timed(call: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await call()
  return performance.now() - start
}

function percentiles(times: number[]): string {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(1)
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`
}

try {
  const port = await freePort()
  const url = urlOf(port)
  // nobody is told of pushes; this program sends the webhooks
  await using registry = await startSoakRegistry('http://127.0.0.1:9/nobody')
  const daemon = await SoakDaemon.create({
    directory,
    port,
    registry: registry.host,
    onLine() {},
  })
  for (let i = 0; i < LARGE_IMAGES; i++) {
    // one that another image has as well would be converted once
    const layer = buildLargeLayer(LARGE_LAYER - 512 * i)
    await pushBuilt(
      buildImage({ layers: [layer], config: { i } }),
      registry.repository(`load/large-${i}`),
      { tag: 'v1' },
    )
  }
  await daemon.start()
  try {
    const push = async (reference: string): Promise<void> => {
      const resources = [{ resource_url: `${registry.host}/${reference}` }]
      const body = JSON.stringify({ type: 'PUSH_ARTIFACT', event_data: { resources } })
      const answer = await fetch(url, { method: 'POST', headers, body })
      if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`)
      await answer.arrayBuffer()
    }
    const converting = daemon.line(/converting image/)
    for (let i = 0; i < LARGE_IMAGES; i++) await push(`load/large-${i}:v1`)
    await converting
    const accepted: number[] = []
    const waiting = Array.from({ length: tasks }, (_, i) => `load/app-${i % 50}:v${i}`)
    const send = async (): Promise<void> => {
      for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
        const reference = one
        accepted.push(await timed(() => push(reference)))
      }
    }
    const seconds = (await timed(() => Promise.all(Array.from({ length: SENDERS }, send)))) / 1000
    console.log(`${tasks} webhooks in ${seconds.toFixed(1)} s: ${percentiles(accepted)}`)
    for (const query of ['?limit=100', '?limit=100&status=waiting', '']) {
      const times: number[] = []
      for (let i = 0; i < 20; i++) {
        times.push(
          await timed(async () => {
            const answer = await fetch(`${url}${query}`, { headers })
            if (!answer.ok) throw new Error(`${query}: ${answer.status}: ${await answer.text()}`)
            await answer.arrayBuffer()
          }),
        )
      }
      console.log(`list ${query === '' ? 'of all' : query}: ${percentiles(times)}`)
    }
    const status = await readFile(`/proc/${daemon.pid}/status`, 'utf8')
    console.log(
      `memory: ${/VmRSS:\s*(.*)/.exec(status)?.[1]}, peak ${/VmHWM:\s*(.*)/.exec(status)?.[1]}`,
    )
  } finally {
    await daemon.kill()
  }
} finally {
  await rm(directory, { recursive: true, force: true })
}
