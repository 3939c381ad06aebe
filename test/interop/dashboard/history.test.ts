/** The history: what it is narrowed down to, and a thousand tasks of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import type { ScriptedRun } from '../../../src/testing/scripted-run.ts'
import { settled } from '../../../src/testing/settled.ts'
import type { TestService } from '../../../src/testing/service/http-service.ts'
import { button, history, open, skip } from './opened.ts'

/** Conversions that end at once; those of `:bad` fail. */
const run: ScriptedRun['run'] = ({ source }) =>
  source.endsWith(':bad')
    ? Promise.reject(new Error('out of luck'))
    : Promise.resolve({ sourceSize: 2e7, targetSize: 1.9e7 })

async function convertAll(service: TestService, sources: string[]): Promise<void> {
  const orders = sources.map((source) => ({
    source,
    host: source.split('/')[0] ?? '',
    lane: source,
  }))
  await service.queue.submitAll(orders)
  while (service.queue.counts().waiting + service.queue.counts().running > 0) await settled()
}

const names = async (page: Page): Promise<string[]> =>
  history(page).getByRole('listitem').getByRole('link').allInnerTexts()

test(
  'filters stand in the address: they outlive a reload, and the way to a task and back',
  { skip },
  async () => {
    const sources = ['hub.test/app:bad', 'hub.test/app:1', 'hub.test/api:bad', 'other.test/app:bad']
    await using opened = await open(run, { first: (service) => convertAll(service, sources) })
    const { page, faults } = opened
    const filters = history(page).getByRole('search')
    await history(page).getByRole('listitem').nth(3).waitFor()
    await filters.getByLabel('State').selectOption('failed')
    await filters.getByLabel('Registry').selectOption('hub.test')
    await filters.getByLabel('Asked for').selectOption('in the last hour')
    await filters.getByLabel('Image').fill('app')
    const one = async (): Promise<void> => {
      await page.getByRole('heading', { name: 'History 1', exact: true }).waitFor()
      assert.deepEqual(await names(page), ['hub.test/app:bad'])
      assert.equal(
        new URL(page.url()).hash,
        '#/?state=failed&registry=hub.test&within=hour&image=app',
      )
    }
    await one()
    await page.reload()
    await one()
    assert.equal(await filters.getByLabel('State').inputValue(), 'failed')
    await history(page).getByRole('link', { name: 'hub.test/app:bad' }).click()
    await page.getByRole('link', { name: 'All conversions' }).click()
    await one()
    await page.goBack()
    await page.getByRole('heading', { level: 1, name: 'hub.test/app:bad' }).waitFor()
    await page.goBack()
    await one()
    await button(page, 'Clear').click()
    await page.getByRole('heading', { name: 'History 4', exact: true }).waitFor()
    assert.equal(new URL(page.url()).hash, '#/')
    await filters.getByLabel('Image').fill('nobody has this')
    await history(page).getByText('No task fits this filter.').waitFor()
    assert.deepEqual(faults, [])
  },
)

test(
  'a thousand tasks scroll smoothly, and those out of sight are not laid out',
  { skip },
  async (t) => {
    const sources = Array.from({ length: 1000 }, (_, i) => `hub.test/team/app-${i % 50}:${i}`)
    await using opened = await open(run, { first: (service) => convertAll(service, sources) })
    const { page, faults } = opened
    const rows = history(page).locator('li.row')
    await rows.nth(99).waitFor({ state: 'attached' })
    const more = button(page, 'Show 100 more')
    for (let shown = 200; shown <= 1000; shown += 100) {
      await more.click()
      await rows.nth(shown - 1).waitFor({ state: 'attached' })
    }
    await more.waitFor({ state: 'detached' })
    await page.evaluate('scrollTo(0, 0)')
    const laidOut = await rows
      .locator('a')
      .evaluateAll(
        (all) => all.filter((link) => link.checkVisibility({ contentVisibilityAuto: true })).length,
      )
    assert.ok(laidOut < 300, `${laidOut} rows are laid out`)
    const frames = (await scrollThrough(page)).toSorted((a, b) => a - b)
    const late = frames.filter((ms) => ms > 50).length / frames.length
    const [middle, nearlyAll, longest] = [0.5, 0.95, 1].map((share) =>
      Math.round(frames[Math.ceil(share * frames.length) - 1] ?? 0),
    )
    t.diagnostic(
      `${frames.length} frames: half within ${middle} ms, 95 % within ${nearlyAll} ms, the longest ${longest} ms; ${(late * 100).toFixed(1)} % over 50 ms`,
    )
    // a machine that is busy with other work draws late: rows that are all laid out would make every frame late
    assert.ok(late < 0.5, `${(late * 100).toFixed(0)} % of the frames took more than 50 ms`)
    await history(page).getByLabel('Image').fill('app-7:')
    await page.waitForFunction("document.querySelectorAll('.history li').length === 20")
    assert.deepEqual(faults, [])
  },
)

/** Scrolls from the top to the bottom as a hand on a wheel or a screen does; how long each frame took, in milliseconds. */
async function scrollThrough(page: Page): Promise<number[]> {
  await page.evaluate(`{
    globalThis.frames = []
    let last = performance.now()
    const step = (now) => {
      frames.push(now - last)
      last = now
      requestAnimationFrame(step)
    }
    requestAnimationFrame(step)
  }`)
  const devtools = await page.context().newCDPSession(page)
  const height = (await page.evaluate('document.documentElement.scrollHeight')) as number
  await devtools.send('Input.synthesizeScrollGesture', {
    x: 700,
    y: 450,
    yDistance: -2 * height,
    speed: 12_000,
    gestureSourceType: 'mouse',
  })
  const end = (await page.evaluate(
    'scrollY + innerHeight - document.documentElement.scrollHeight',
  )) as number
  assert.ok(end > -5, `the scroll ended ${-end} px before the bottom`)
  return (await page.evaluate('frames')) as number[]
}
