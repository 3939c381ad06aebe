/**
 * `npm run load`: how the API answers while two large images are converted on all processors and thousands of tasks
 * wait. Linux; some minutes. `--tasks N` (default 5000), `--size MIB` of each image (default 768).
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { WireTask } from '../../src/api/contract.ts'
import { decodeEvents } from '../../src/api/sse.ts'
import { pushBuilt } from '../../src/testing/image-builder.ts'
import { machineFacts } from '../bench/machine.ts'
import { startBenchRegistry, TAG } from '../bench/registry.ts'
import { largeImage, packImage } from '../bench/synthetic-image.ts'
import { formatTable } from '../bench/table.ts'
import { startLoadedDaemon } from './daemon.ts'
import { inParallel, percentile, timed, type Target, type Timed } from './latency.ts'

const MIB = 1024 * 1024
const API = '/api/v1/conversions'

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '5000' },
    size: { type: 'string', default: '768' },
  },
})
const count = Number(values.tasks)
const size = Number(values.size) * MIB
const { signal } = new AbortController()
const say = (text: string): void => console.error(`${performance.now().toFixed(0)} ms: ${text}`)

const directory = await mkdtemp(join(tmpdir(), 'load-'))
await using stack = new AsyncDisposableStack()
stack.defer(() => rm(directory, { recursive: true, force: true }))
const registry = stack.use(await startBenchRegistry())
for (const index of [0, 1]) {
  say(`making image ${index + 1} of 2 …`)
  const folder = await mkdtemp(join(directory, 'image-'))
  const { image } = await packImage(largeImage(size + index * MIB), folder, { signal })
  await pushBuilt(image, registry.repository(`large-${index}`), { tag: TAG })
}
const daemon = stack.use(await startLoadedDaemon(directory, registry.host))
const agent = new Agent({ keepAlive: true })
stack.defer(() => agent.destroy())
const target: Target = { port: daemon.port, agent, headers: { authorization: 'Bearer load' } }

/** A webhook as Harbor sends it. */
function push(repository: string, tag: string): Promise<Timed> {
  const resource_url = `${registry.host}/${repository}:${tag}`
  const body = {
    type: 'PUSH_ARTIFACT',
    occur_at: Math.floor(Date.now() / 1000),
    operator: 'alice',
    event_data: { resources: [{ tag, resource_url }], repository: { name: repository } },
  }
  return timed(target, API, JSON.stringify(body))
}

async function running(): Promise<number> {
  const { body } = await timed(target, `${API}?status=running`)
  return (JSON.parse(body) as WireTask[]).length
}

for (const index of [0, 1]) await push(`large-${index}`, TAG)
while ((await running()) < 2) await new Promise((resolve) => setTimeout(resolve, 100))

say(`${count} webhooks …`)
const before = { cpu: daemon.processorSeconds(), at: performance.now(), peak: daemon.peak() }
const accepted = await inParallel(count, 8, (index) => push('queue/app', `v${index}`))
const seconds = (performance.now() - before.at) / 1000
const busy = (daemon.processorSeconds() - before.cpu) / seconds

say('reads …')
const { body } = await timed(target, `${API}?source=app:v${count - 1}`)
const [last] = JSON.parse(body) as WireTask[]
const reads: [name: string, path: string][] = [
  ['list, all', API],
  ['list, page of 50', `${API}?limit=50`],
  ['list, page of 50 by status', `${API}?status=PROCESSING&limit=50`],
  ['list, by part of the name', `${API}?source=app:v${Math.floor(count / 2)}`],
  ['list, page of 50 by registry', `${API}?registry=${registry.host}&limit=50`],
  ['one task', `${API}/${last?.id}`],
  ['what happened to it', `${API}/${last?.id}/events`],
  ['health', '/api/v1/health'],
]
const rows: [name: string, answers: Timed[]][] = [['webhook, 8 at once', accepted]]
for (const [name, path] of reads) {
  rows.push([name, await inParallel(name === 'list, all' ? 20 : 200, 2, () => timed(target, path))])
}

say('events …')
const told = await toldAfter(200)
const stillRunning = await running()

const failed = rows.flatMap(([, answers]) => answers).filter(({ status }) => status !== 200).length
const ms = (value: number): string => value.toFixed(1)
const line = (name: string, all: readonly number[]): string[] => [
  name,
  String(all.length),
  ms(percentile(all, 0.5)),
  ms(percentile(all, 0.95)),
  ms(percentile(all, 0.99)),
  ms(percentile(all, 1)),
]
const columns = ['request', 'count', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms']
console.log(JSON.stringify(machineFacts()))
console.log(
  formatTable(
    columns.map((title, i) => ({ title, align: i === 0 ? 'left' : 'right' })),
    [
      ...rows.map(([name, answers]) =>
        line(
          name,
          answers.map((answer) => answer.ms),
        ),
      ),
      line('event on 20 streams, after the webhook', told),
    ],
  ),
)
console.log(
  [
    `webhooks: ${(count / seconds).toFixed(0)} a second, other answers than 200: ${failed}`,
    `processors busy with acceld meanwhile: ${busy.toFixed(2)}; conversions still running at the end: ${stillRunning}`,
    `peak memory of acceld: ${(before.peak / MIB).toFixed(0)} MiB before, ${(daemon.peak() / MIB).toFixed(0)} MiB after`,
  ].join('\n'),
)
if (failed > 0 || stillRunning < 2) process.exitCode = 1

/** Milliseconds from sending a webhook until the last of 20 streams has told of its task. */
async function toldAfter(pushes: number): Promise<number[]> {
  const waiting = new Map<string, { started: number; left: number; done: (ms: number) => void }>()
  const streams = Array.from({ length: 20 }, () => {
    const request = httpRequest({
      host: '127.0.0.1',
      port: daemon.port,
      path: '/api/v1/events',
      headers: target.headers,
      agent: false,
    })
    const heard = new Promise<void>((resolve) => {
      request.on('response', (response) => {
        resolve()
        void listen(response.setEncoding('utf8')).catch(() => undefined)
      })
    })
    request.on('error', () => undefined)
    request.end()
    return { request, heard }
  })
  async function listen(pieces: AsyncIterable<string>): Promise<void> {
    for await (const { name, data } of decodeEvents(pieces)) {
      if (name !== 'task') continue
      const one = waiting.get((JSON.parse(data) as WireTask).source)
      if (one !== undefined && --one.left === 0) one.done(performance.now() - one.started)
    }
  }
  await Promise.all(streams.map(({ heard }) => heard))
  const times = await inParallel(pushes, 1, async (index) => {
    const done = Promise.withResolvers<number>()
    const source = `${registry.host}/queue/told:v${index}`
    waiting.set(source, {
      started: performance.now(),
      left: streams.length,
      done: done.resolve,
    })
    await push('queue/told', `v${index}`)
    const told = await done.promise
    waiting.delete(source)
    return told
  })
  for (const { request } of streams) request.destroy()
  return times
}
