import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CONVERSIONS_PATH } from '../../src/api/contract.ts'
import { createRegistryClient } from '../../src/registry/client.ts'
import { basicHeader } from '../../src/registry/credentials/credentials.ts'
import { pushBuilt } from '../../src/testing/image-builder.ts'
import { startTestRegistry } from '../../src/testing/registry/test-registry.ts'
import { formatCount, formatDuration, formatSize } from '../bench/table.ts'
import { startAcceld } from './acceld.ts'
import { buildDemoImage, WANTED } from './demo-image.ts'
import { pullWhole } from './full-pull.ts'
import { readLazily } from './lazy-read.ts'
import { logMessage, type Narrator } from './narrator.ts'
import { conversionTable, trafficTable } from './summary.ts'
import { trafficOf } from './traffic.ts'

export interface DemoInit {
  signal: AbortSignal
  /** Waits as long as registry and daemon are to stay up in the end. @default not at all */
  serving?: () => Promise<void>
}

const REPOSITORY = 'demo/app'
const TAG = 'v1'
const SUFFIX = '-esgz'

/** How the daemon logs that the demo looks at its list; everything else is shown. */
const OWN_QUESTION = `GET ${CONVERSIONS_PATH} `

/** The whole demo. Whatever happens, nothing is left behind: no process, no file. */
export async function demonstrate(narrator: Narrator, init: DemoInit): Promise<void> {
  const { signal } = init
  const { step, detail } = narrator
  await using stack = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'acceleration-demo-'))
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  const secret = (): string => randomBytes(12).toString('hex')
  const [developer, robot] = [
    { username: 'developer', password: secret() },
    { username: 'robot', password: secret() },
  ]

  step('A registry starts')
  const registry = stack.use(
    await startTestRegistry({
      directory: join(directory, 'registry'),
      auth: {
        kind: 'basic',
        users: { [developer.username]: developer.password, [robot.username]: robot.password },
      },
    }),
  )
  detail(`${registry.url}, with an account for the developer and one for acceld`)

  step('acceld starts, and the registry gets a webhook to it')
  await mkdir(join(directory, 'acceld'))
  const authHeader = secret()
  let showing = true
  const acceld = stack.use(
    await startAcceld({
      directory: join(directory, 'acceld'),
      registry: { host: registry.host, ...robot },
      authHeader,
      tagSuffix: SUFFIX,
      onLine(line) {
        if (showing && !line.includes(OWN_QUESTION)) narrator.log('acceld', logMessage(line))
      },
      signal,
    }),
  )
  stack.defer(() => {
    showing = false
  })
  registry.webhook({ url: acceld.webhookUrl, authHeader })
  detail(`pushes are told to ${acceld.webhookUrl}`)

  step('An image is built of this checkout')
  const building = performance.now()
  const { image, layers } = await buildDemoImage({
    directory,
    signal,
    onPacked: ({ name, about }, { tarSize, descriptor, entries }) =>
      detail(
        `${name.padEnd(12)}  ${formatSize(tarSize).padStart(7)} → ` +
          `${formatSize(descriptor.size).padStart(7)}  ` +
          `${about}, ${formatCount(entries)} ${entries === 1 ? 'entry' : 'entries'}`,
      ),
  })
  detail(`${layers.length} gzip layers in ${formatDuration(performance.now() - building)}`)

  const source = `${registry.host}/${REPOSITORY}:${TAG}`
  step(`The developer pushes ${source}; the rest happens by itself`)
  const client = createRegistryClient({}, { hosts: () => ({ credentials: developer }) })
  stack.defer(() => client.close())
  const repository = client.repository({ host: registry.host, repository: REPOSITORY })
  await pushBuilt(image, repository, { tag: TAG })
  const task = await acceld.converted(source, { signal })
  if (task.skipped === true || task.target === undefined) {
    throw new Error(`nothing was converted: ${task.reason}`)
  }
  detail(`converted and pushed: ${task.target}`)

  step('What everybody does today: pull the original, all of it')
  const full = await trafficOf(registry, () => pullWhole(repository, TAG, { signal }))
  detail(`${formatSize(full.traffic.bytes)} in ${formatDuration(full.traffic.ms)}, verified`)

  step('What a snapshotter does with the converted image: read what is asked for')
  detail(`wanted: /${WANTED.name}`)
  const lazy = await trafficOf(registry, () =>
    readLazily(WANTED.name, {
      repository,
      tag: `${TAG}${SUFFIX}`,
      registry: registry.url,
      headers: { Authorization: basicHeader(developer.username, developer.password) },
      onRead: detail,
      signal,
    }),
  )
  if (!Buffer.from(lazy.result).equals(await readFile(WANTED.original))) {
    throw new Error(`/${WANTED.name} was read, and is not what was packed`)
  }
  detail('every byte is what was packed')

  narrator.plain(`\n${conversionTable(task)}\n${trafficTable(full.traffic, lazy.traffic)}`)
  if (init.serving === undefined) return
  narrator.plain(`
Registry and acceld stay up until Ctrl-C.
  login     ${developer.username} ${developer.password}
  original  ${source}
  converted ${task.target}
`)
  await init.serving()
}
