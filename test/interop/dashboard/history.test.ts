/** The history: what it is narrowed down to, and a thousand tasks of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import type { ScriptedRun } from '../../../src/testing/scripted-run.ts'
import { settled } from '../../../src/testing/settled.ts'
import type { TestService } from '../../../src/testing/service/http-service.ts'
import { button, history, open, skip } from './opened.ts'
import { scrollThrough } from './scroll.ts'

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
    const { late, text } = await scrollThrough(page)
    t.diagnostic(text)
    // a machine that is busy with other work draws late: rows that are all laid out would make nearly every frame late
    assert.ok(late < 0.5, text)
    const deep = history(page).getByRole('link', { name: 'app-13:313', exact: false })
    await deep.click()
    await page.getByRole('heading', { level: 1, name: /app-13:313$/ }).waitFor()
    await page.getByRole('link', { name: 'All conversions' }).click()
    // one goes on at the row where one had left
    await history(page).locator('a:focus', { hasText: 'app-13:313' }).waitFor()
    assert.equal(await rows.count(), 1000)
    assert.ok(((await page.evaluate('scrollY')) as number) > 5000)
    await history(page).getByLabel('Image').fill('app-7:')
    await page.getByRole('heading', { name: 'History 20', exact: true }).waitFor()
    assert.deepEqual(faults, [])
  },
)
