/** The dashboard in a real Chromium, before a real service whose conversions do what the test says. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { bundleDashboard } from '../../../scripts/dashboard/bundle.ts'
import type { ScriptedRun } from '../../../src/testing/scripted-run.ts'
import { startTestService, type TestService } from '../../../src/testing/service/http-service.ts'
import { wireStatus } from '../../../src/testing/service/wire-samples.ts'
import type { TaskProgress } from '../../../src/tasks/task.ts'
import { browserReason, startBrowser, watchPage } from './browser.ts'
import { startRelay, type Relay } from './relay.ts'

/** Why the tests cannot run, or undefined. */
export const skip = browserReason()

const folder = mkdtempSync(join(tmpdir(), 'dashboard-'))
let bundled: Promise<unknown> | undefined
let browser: Promise<Browser> | undefined

// Both are made when a test needs them. Where no test runs, since none has the name that is asked for, `after` does not
// wait for `before`: a browser of that would never end.
after(async () => {
  await (await browser)?.close()
  rmSync(folder, { recursive: true })
})

export const TOKEN = 't0k3n'

const yaml = `server: { host: 127.0.0.1, port: 0, api_token: ${TOKEN}, allow_unauthenticated: false }
provider: { source: { hub.test: {}, other.test: {} } }
converter: { worker: 2, driver: { type: estargz }, rules: [{ tag_suffix: -esgz }] }
`

const status = wireStatus({
  version: 'v1.2.3',
  workers: 2,
  disk: { free: 54_000_000_000, size: 270_000_000_000 },
  store: { layers: 12, content: 400e6, needed: 30e6, under_way: 5e6, limit: 2e9 },
  registries: [
    { name: 'hub.test', answers: true, asked: '2026-11-21T08:00:00Z' },
    {
      name: 'other.test',
      answers: false,
      asked: '2026-11-21T08:00:00Z',
      problem: 'other.test does not let us in',
    },
  ],
})

/** How the queue tries again. */
type Attempts = { attempts: number; pauseMs: number }

/** A service with the conversions of `run`; `unlocked`: for everybody. */
export async function startService(
  run: ScriptedRun['run'],
  { attempts, unlocked = false }: { attempts?: Attempts; unlocked?: boolean } = {},
): Promise<TestService> {
  await (bundled ??= bundleDashboard(folder))
  return startTestService({
    yaml: yaml.replace('unauthenticated: false', `unauthenticated: ${unlocked}`),
    run,
    dashboard: folder,
    feed: { progressMs: 20 },
    status: () => Promise.resolve(status),
    ...(attempts === undefined ? {} : { attempts }),
  })
}

export interface Opened extends AsyncDisposable {
  page: Page
  service: TestService
  relay: Relay
  /** What the page has done wrong so far. */
  faults: string[]
}

export interface OpenInit {
  /** What the user has entered before. @default the right one */
  token?: string
  attempts?: Attempts
  /** Nobody is asked for a token. */
  unlocked?: boolean
  /** How the page calls the service. @default its address */
  host?: string
  width?: number
  /** Behind the `#`. */
  address?: string
  /** Does what is to be done before the page is there. */
  first?(service: TestService): Promise<void>
}

/** A page of a service with the conversions of `run`. */
export async function open(run: ScriptedRun['run'], init: OpenInit = {}): Promise<Opened> {
  const { token = TOKEN, width = 1440, address = '/', host = '127.0.0.1' } = init
  await using stack = new AsyncDisposableStack()
  const service = stack.use(await startService(run, init))
  await init.first?.(service)
  const relay = stack.use(await startRelay(service.server.port!))
  const context = await (
    await (browser ??= startBrowser())
  ).newContext({ viewport: { width, height: 900 } })
  stack.defer(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  const origin = relay.url.replace('127.0.0.1', host)
  const { faults } = await watchPage(page, origin)
  if (token !== '') {
    await page.addInitScript((text) => sessionStorage.setItem('acceld.token', text), token)
  }
  await page.goto(`${origin}/#${address}`)
  const parts = stack.move()
  return { page, service, relay, faults, [Symbol.asyncDispose]: () => parts.disposeAsync() }
}

/** Tells the service of a push, as a registry does. */
export async function push(service: TestService, image: string): Promise<void> {
  const { status } = await service.send({
    method: 'POST',
    path: '/api/v1/conversions',
    headers: { 'content-type': 'application/json', authorization: TOKEN },
    body: JSON.stringify({ image }),
  })
  assert.equal(status, 200)
}

/** Two layers, of which `read` bytes of the first were read. */
export function converting(read: number): TaskProgress {
  const layer = {
    platform: 'linux/amd64',
    digest: `sha256:${'5e'.repeat(32)}`,
    written: read,
    pushed: 0,
    convertFrom: Date.now(),
  }
  return {
    phase: 'convert',
    layers: 2,
    layersDone: 0,
    sourceBytes: 8_000_000,
    readBytes: read,
    writtenBytes: read,
    pushedBytes: 0,
    each: [
      { ...layer, index: 1, state: 'converting', size: 6_000_000, read },
      { ...layer, index: 2, state: 'waiting', size: 2_000_000, read: 0 },
    ],
  }
}

/** What runs, what waits, and what ended, on the overview. */
export const running = (page: Page) => page.getByRole('region', { name: /^Running/ })
export const queue = (page: Page) => page.getByRole('region', { name: /^Waiting/ })
export const history = (page: Page) => page.getByRole('region', { name: /^History/ })
export const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
