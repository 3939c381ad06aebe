/** Everybody can use it: what axe says of each page in each look, and a walk by keyboard alone. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { AccelError } from '../../../src/errors/accel-error.ts'
import { scriptRun } from '../../../src/testing/scripted-run.ts'
import type { TestService } from '../../../src/testing/service/http-service.ts'
import { settled } from '../../../src/testing/settled.ts'
import { assertAccessible } from './browser.ts'
import { button, converting, history, open, push, queue, running, skip } from './opened.ts'

const long = 'hub.test/a-team-with-a-long-name/an-application-with-a-longer-one:2026-11-21-rc.4'

/** A service with a task in each state; `runs` hold those that run. */
function busy() {
  const runs = scriptRun()
  const problem = { what: 'the source', host: 'hub.test', problem: 'nobody is there', attempts: 5 }
  const fill = async (service: TestService): Promise<void> => {
    const begin = async (image: string): Promise<void> => {
      await push(service, image)
      await settled()
    }
    await begin('hub.test/there:1')
    runs.end('hub.test/there:1', { reused: true })
    await begin('hub.test/done:1')
    runs.init('hub.test/done:1').progress(converting(6_000_000))
    runs.end('hub.test/done:1', {
      sourceSize: 8e6,
      targetSize: 9e6,
      target: 'hub.test/done:1-esgz',
    })
    await begin('hub.test/bad:1')
    runs.fail('hub.test/bad:1', new AccelError('TASK_DEFECT', { source: 'a', message: 'no luck' }))
    await begin('hub.test/again:1')
    runs.fail('hub.test/again:1', new AccelError('REGISTRY_UNREACHABLE', problem))
    await settled()
    for (const image of [long, 'hub.test/other:1', 'hub.test/waits:1']) await begin(image)
    runs.init(long).progress(converting(1_000_000))
  }
  return { runs, fill, attempts: { attempts: 3, pauseMs: 900_000 } }
}

test('axe finds nothing on any page, on a desk and a phone, light and dark', { skip }, async () => {
  const { runs, fill, attempts } = busy()
  await using opened = await open(runs.run, { first: fill, attempts, token: '' })
  const { page, relay, faults } = opened
  await page.getByLabel('Token').fill('wrong')
  await page.keyboard.press('Enter')
  await page.getByRole('alert').waitFor()
  await assertAccessible(page)
  await page.getByLabel('Token').fill('t0k3n')
  await page.keyboard.press('Enter')
  await history(page).getByRole('listitem').nth(2).waitFor()
  await running(page).getByRole('progressbar').first().waitFor()
  await page.getByText('other.test does not let us in').waitFor()
  await assertAccessible(page)
  const pages = [
    [queue(page).getByRole('link', { name: 'again:1' }), button(page, 'Try now')],
    [history(page).getByRole('link', { name: 'bad:1' }), button(page, 'Retry')],
    [history(page).getByRole('link', { name: 'done:1' }), page.getByLabel('Size after')],
    [running(page).getByRole('link', { name: long }), page.getByRole('row').nth(2)],
  ] as const
  for (const [link, there] of pages) {
    await link.click()
    await there.waitFor()
    await assertAccessible(page)
    await page.getByRole('link', { name: 'All conversions' }).click()
  }
  await page.goto(`${relay.url}/#/task/nobody-knows-it`)
  await page.getByRole('alert').waitFor()
  await assertAccessible(page)
  relay.cut()
  await button(page, 'Connect now').waitFor()
  await assertAccessible(page)
  assert.deepEqual(faults, [])
})

test('without a task there is nothing to find fault with either', { skip }, async () => {
  await using opened = await open(scriptRun().run)
  await opened.page.getByText('No task has ended yet.').waitFor()
  await assertAccessible(opened.page)
})

test('all of it is used by keyboard', { skip }, async () => {
  const { runs, fill, attempts } = busy()
  await using opened = await open(runs.run, { first: fill, attempts })
  const { page, faults } = opened
  const key = (name: string) => page.keyboard.press(name)
  await history(page).getByRole('listitem').nth(2).waitFor()
  await running(page).getByRole('progressbar').first().waitFor()
  await key('Tab')
  assert.equal((await focused(page)).name, 'Skip to the content')
  await key('Enter')
  assert.equal(await page.evaluate('document.activeElement.id'), 'main')
  const stops = await walk(page)
  const lost = stops.filter(({ name, seen, ring }) => name === '' || !seen || !ring)
  assert.deepEqual(lost, [])
  const order = stops.map(({ name }) => name)
  const expected = [/^of 3/, /^hub.*long-name/, /again:1$/, /^Tasks ended/, /^State/, /bad:1$/]
  const places = expected.map((form) => order.findIndex((name) => form.test(name)))
  assert.ok(!places.includes(-1), order.join(', '))
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  )

  await page.getByRole('slider', { name: 'Tasks ended, bar by bar' }).focus()
  const said = (): Promise<string> => page.evaluate('document.activeElement.ariaValueText')
  const now = await said()
  // the minute in which the tasks ended may be over
  if (now.endsWith(': 0 converted')) await key('ArrowLeft')
  assert.match(await said(), /: 1 converted, 1 not needed, 1 failed$/)
  await key('ArrowLeft')
  assert.notEqual(await said(), now)
  await page
    .locator('.readout')
    .getByText(await said())
    .waitFor()
  await key('End')
  assert.equal(await said(), now)
  await key('Home')
  await page.locator('rect.chosen').waitFor()

  await running(page).getByRole('link', { name: long }).focus()
  await key('Enter')
  await page.getByRole('heading', { level: 1, name: long }).waitFor()
  assert.equal(await page.evaluate('document.activeElement.id'), 'main')
  await page.getByRole('row').nth(2).waitFor()
  assert.deepEqual(
    (await walk(page)).map(({ name }) => name),
    ['← All conversions', 'Cancel', 'Table of layers', 'api/v1/openapi.json'],
  )
  await page.getByRole('link', { name: 'All conversions' }).focus()
  await key('Enter')
  // one goes on where one had left
  await page.locator('a:focus', { hasText: long }).waitFor()
  assert.deepEqual(faults, [])
})

interface Stop {
  name: string
  seen: boolean
  ring: boolean
}

/** Where the focus is: what it is called, whether it can be seen and is marked. */
async function focused(page: Page): Promise<Stop> {
  return (await page.evaluate(`{
    const element = document.activeElement
    const bar = document.querySelector('.bar')
    const { top, bottom } = element.getBoundingClientRect()
    const covered = bar.contains(element) ? 0 : bar.getBoundingClientRect().bottom
    ;({
      name: element.ariaLabel ?? element.labels?.[0]?.textContent ?? element.textContent,
      seen: bottom > covered && top < innerHeight,
      ring: getComputedStyle(element).outlineStyle !== 'none',
    })
  }`)) as Stop
}

/** Presses Tab until the page's content ends. */
async function walk(page: Page): Promise<Stop[]> {
  const stops: Stop[] = []
  for (let i = 0; i < 60; i += 1) {
    await page.keyboard.press('Tab')
    if ((await page.evaluate('document.activeElement.tagName')) === 'BODY') break
    stops.push(await focused(page))
  }
  return stops
}
