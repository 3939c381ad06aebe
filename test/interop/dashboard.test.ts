/** The dashboard in a real Chromium, before a real service whose conversions do what the test says. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { bundleDashboard } from '../../scripts/dashboard/bundle.ts'
import { AccelError } from '../../src/errors/accel-error.ts'
import { scriptRun, type ScriptedRun } from '../../src/testing/scripted-run.ts'
import { startTestService, type TestService } from '../../src/testing/service/http-service.ts'
import type { TaskProgress } from '../../src/tasks/task.ts'
import { settled } from '../../src/testing/settled.ts'
import { assertAccessible, browserReason, startBrowser, watchPage } from './browser.ts'
import { startRelay, type Relay } from './relay.ts'

const skip = browserReason()
const folder = mkdtempSync(join(tmpdir(), 'dashboard-'))
let browser: Browser

before(async () => {
  if (skip !== undefined) return
  await bundleDashboard(folder)
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  rmSync(folder, { recursive: true })
})

const yaml = `server: { host: 127.0.0.1, port: 0, api_token: t0k3n }
provider: { source: { hub.test: {} } }
converter: { worker: 2, driver: { type: estargz }, rules: [{ tag_suffix: -esgz }] }
`
const digest = `sha256:${'5e'.repeat(32)}`

interface Opened extends AsyncDisposable {
  page: Page
  service: TestService
  relay: Relay
  faults: string[]
  /** Tells the service of a push, as a registry does. */
  push(image: string): Promise<void>
}

/** A page of a service with the conversions of `run`; signed in unless `token` says otherwise. */
async function open(
  run: ScriptedRun['run'],
  init: { token?: string; colorScheme?: 'light' | 'dark'; width?: number } = {},
): Promise<Opened> {
  const { token = 't0k3n', colorScheme = 'light', width = 1440 } = init
  await using stack = new AsyncDisposableStack()
  const service = stack.use(
    await startTestService({ yaml, run, dashboard: folder, feed: { progressMs: 20 } }),
  )
  const relay = stack.use(await startRelay(service.server.port!))
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } })
  stack.defer(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  const { faults } = watchPage(page, relay.url)
  if (token !== '') {
    await page.addInitScript((text) => sessionStorage.setItem('acceld.token', text), token)
  }
  await page.goto(relay.url)
  const parts = stack.move()
  return {
    page,
    service,
    relay,
    faults,
    async push(image) {
      const { status } = await service.send({
        method: 'POST',
        path: '/api/v1/conversions',
        headers: { 'content-type': 'application/json', authorization: 't0k3n' },
        body: JSON.stringify({ image }),
      })
      assert.equal(status, 200)
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

/** Two layers, of which `read` bytes were read. */
function converting(read: number): TaskProgress {
  const layer = {
    platform: 'linux/amd64',
    digest,
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

const running = (page: Page) => page.getByRole('region', { name: /^Running/ })
const history = (page: Page) => page.getByRole('region', { name: 'History' })

test(
  'a push is seen, its progress moves, and its failure is read and tried again',
  { skip },
  async () => {
    const runs = scriptRun()
    await using opened = await open(runs.run)
    const { page, push, faults } = opened
    await page.getByText('Nothing is being converted.').waitFor()
    await push('hub.test/app:1')
    await running(page).getByRole('link', { name: 'hub.test/app:1' }).waitFor()
    const progress = running(page).getByRole('progressbar')
    for (const read of [1_000_000, 4_000_000]) {
      runs.init('hub.test/app:1').progress(converting(read))
      await running(page).locator(`progress[value='${read}']`).waitFor()
      assert.equal(await progress.getAttribute('max'), '8000000')
    }
    await running(page).getByText('4.00 MB of 8.00 MB').waitFor()
    await assertAccessible(page)
    await running(page).getByRole('link').click()
    await page.getByRole('heading', { level: 1, name: 'hub.test/app:1' }).waitFor()
    const picture = page.getByRole('img', { name: /What happened when/ })
    await picture.locator('rect.convert').first().waitFor()
    assert.equal(await page.getByRole('row').count(), 3)
    runs.fail(
      'hub.test/app:1',
      new AccelError('TASK_DEFECT', { source: 'a', message: 'out of luck' }),
    )
    await page.getByText('out of luck').first().waitFor()
    await page.getByText('TASK_DEFECT').first().waitFor()
    await assertAccessible(page)
    await page.getByRole('button', { name: 'Retry' }).click()
    await page.getByRole('button', { name: 'Cancel' }).waitFor()
    assert.deepEqual(runs.started, ['hub.test/app:1', 'hub.test/app:1'])
    runs.end('hub.test/app:1', { sourceSize: 8_000_000, targetSize: 8_400_000 })
    await page.getByText('8.40 MB after, 5.0 % larger').waitFor()
    await page.getByRole('link', { name: 'All tasks' }).click()
    const row = history(page).getByRole('listitem')
    assert.match(await row.innerText(), /hub\.test\/app:1\s*completed/)
    await page
      .getByRole('img', { name: 'Tasks ended, bars over time' })
      .locator('rect.completed')
      .waitFor()
    await assertAccessible(page)
    assert.deepEqual(faults, [])
  },
)

test(
  'a connection that breaks is said to be lost, made again, and nothing is missed',
  { skip },
  async () => {
    const runs = scriptRun()
    await using opened = await open(runs.run)
    const { page, relay, push, faults } = opened
    await page.getByText('Live', { exact: true }).waitFor()
    await push('hub.test/app:1')
    await running(page).getByRole('link').waitFor()
    relay.cut()
    await page.getByText(/Connection lost, trying again/).waitFor()
    await page
      .getByRole('status')
      .getByText('The connection to acceld is lost')
      .waitFor({ state: 'attached' })
    runs.end('hub.test/app:1')
    await push('hub.test/app:2')
    relay.mend()
    await page.getByText('Live', { exact: true }).waitFor()
    await running(page).getByRole('link', { name: 'hub.test/app:2' }).waitFor()
    await history(page).locator('.badge.completed').waitFor()
    assert.deepEqual(faults, [])
  },
)

test(
  'nothing is shown without the token, and what is entered stays in this tab',
  { skip },
  async () => {
    await using opened = await open(scriptRun().run, { token: '' })
    const { page, push, faults } = opened
    await push('hub.test/secret:1')
    const field = page.getByLabel('Token')
    await field.fill('wrong')
    await page.keyboard.press('Enter')
    await page.getByText('acceld does not take this token.').waitFor()
    await assertAccessible(page)
    assert.ok(!(await page.content()).includes('secret'))
    await field.fill('t0k3n')
    await page.keyboard.press('Enter')
    await running(page).getByRole('link', { name: 'hub.test/secret:1' }).waitFor()
    assert.equal(await page.evaluate(() => localStorage.length), 0)
    await page.getByRole('button', { name: 'Forget token' }).click()
    await field.waitFor()
    assert.deepEqual(faults, [])
  },
)

test('a thousand tasks are shown, and those out of sight cost nothing', { skip }, async (t) => {
  const runs: ScriptedRun['run'] = () => Promise.resolve({ sourceSize: 2e7, targetSize: 1.9e7 })
  await using opened = await open(runs, { token: '' })
  const { page, service, faults } = opened
  const orders = Array.from({ length: 1000 }, (_, i) => {
    const source = `hub.test/team/app-${i % 50}:${i}`
    return { source, host: 'hub.test', lane: source }
  })
  await service.queue.submitAll(orders)
  while (service.queue.counts().waiting + service.queue.counts().running > 0) await settled()
  await page.getByLabel('Token').fill('t0k3n')
  await page.keyboard.press('Enter')
  const rows = history(page).locator('li.row')
  await rows.nth(99).waitFor()
  const more = page.getByRole('button', { name: 'Show 100 more' })
  for (let shown = 200; shown <= 1000; shown += 100) {
    await more.click()
    await rows.nth(shown - 1).waitFor({ state: 'attached' })
  }
  assert.equal(await rows.count(), 1000)
  await more.waitFor({ state: 'detached' })
  await page.evaluate('scrollTo(0, 0)')
  // a row stands for what is in it: skipped or not
  const laidOut = await rows
    .locator('a')
    .evaluateAll(
      (all) => all.filter((link) => link.checkVisibility({ contentVisibilityAuto: true })).length,
    )
  assert.ok(laidOut > 0 && laidOut < 300, `${laidOut} rows are laid out`)
  t.diagnostic(`the longest frames of scrolling, in ms: ${(await scrollThrough(page)).join(', ')}`)
  await page.getByRole('searchbox', { name: 'Image' }).fill('app-7:')
  await page.waitForFunction("document.querySelectorAll('.history li').length === 20")
  assert.deepEqual(faults, [])
})

/** Scrolls from the top to the bottom in 60 frames; how long the five longest took. */
async function scrollThrough(page: Page): Promise<number[]> {
  const frames = (await page.evaluate(`new Promise((resolve) => {
    const frames = []
    let last = performance.now()
    const step = (now) => {
      frames.push(now - last)
      last = now
      scrollBy(0, document.body.scrollHeight / 60)
      if (frames.length < 60) requestAnimationFrame(step)
      else resolve(frames)
    }
    requestAnimationFrame(step)
  })`)) as number[]
  return frames
    .toSorted((a, b) => b - a)
    .slice(0, 5)
    .map(Math.round)
}

test('it fits a phone and is used by keyboard, light and dark', { skip }, async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const runs = scriptRun()
    await using opened = await open(runs.run, { colorScheme, width: 390 })
    const { page, push, faults } = opened
    await push('hub.test/a-team-with-a-long-name/an-application-with-a-longer-one:2026-11-21')
    await running(page).getByRole('link').waitFor()
    const [source = ''] = runs.started
    runs.init(source).progress(converting(1_000_000))
    await page.getByText('1.00 MB of 8.00 MB').waitFor()
    await assertAccessible(page)
    await assertFits(page)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    assert.equal(await page.evaluate('document.activeElement.id'), 'main')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1 }).getByText('a-team-with').waitFor()
    await page.getByRole('row').nth(2).waitFor()
    await assertAccessible(page)
    await assertFits(page)
    assert.deepEqual(faults, [])
  }
})

/** Fails where one has to scroll sideways. */
async function assertFits(page: Page): Promise<void> {
  const [content, window] = (await page.evaluate(
    '[document.documentElement.scrollWidth, innerWidth]',
  )) as [number, number]
  assert.equal(content, window)
}
