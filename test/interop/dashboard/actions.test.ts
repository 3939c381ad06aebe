/** What somebody does with a task. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AccelError } from '../../../src/errors/accel-error.ts'
import { scriptRun } from '../../../src/testing/scripted-run.ts'
import { button, history, open, push, queue, running, skip } from './opened.ts'

const image = 'hub.test/app:1'
const away = new AccelError('REGISTRY_UNREACHABLE', {
  what: 'the source',
  host: 'hub.test',
  problem: 'nobody is there',
  attempts: 5,
})

test('a task that failed is tried again and completes', { skip }, async () => {
  const runs = scriptRun()
  await using opened = await open(runs.run, { attempts: { attempts: 1, pauseMs: 1 } })
  const { page, service, faults } = opened
  await push(service, image)
  await running(page).getByRole('link').waitFor()
  runs.fail(image, away)
  await history(page)
    .getByText(/nobody is there/)
    .waitFor()
  await history(page).getByRole('link', { name: image }).click()
  await button(page, 'Retry').click()
  await button(page, 'Cancel').waitFor()
  assert.deepEqual(runs.started, [image, image])
  runs.end(image, { sourceSize: 8_000_000, targetSize: 8_400_000 })
  await page.getByText('5.0 % larger', { exact: true }).waitFor()
  await page.getByRole('status').getByText(`${image}: completed`).waitFor({ state: 'attached' })
  assert.deepEqual(faults, [])
})

test('a task that runs is cancelled', { skip }, async () => {
  const runs = scriptRun()
  await using opened = await open(runs.run)
  const { page, service, faults } = opened
  await push(service, image)
  await running(page).getByRole('link').click()
  await button(page, 'Cancel').click()
  await page.locator('.task-head').getByText('cancelled').waitFor()
  assert.equal(runs.init(image).signal.aborted, true)
  assert.equal(service.queue.list().tasks[0]?.state, 'cancelled')
  // the button is gone: whoever uses the keyboard goes on beside it
  await button(page, 'Retry').waitFor()
  assert.equal(await page.evaluate('document.activeElement.className'), 'actions')
  assert.deepEqual(faults, [])
})

test('a task that waits for its next attempt makes it now', { skip }, async () => {
  const runs = scriptRun()
  await using opened = await open(runs.run, { attempts: { attempts: 3, pauseMs: 900_000 } })
  const { page, service, faults } = opened
  await push(service, image)
  await running(page).getByRole('link').waitFor()
  runs.fail(image, away)
  await queue(page)
    .getByText(/^attempt 2 in \d+ min/)
    .waitFor()
  await queue(page)
    .getByText(/nobody is there/)
    .waitFor()
  await queue(page).getByRole('link').click()
  await page.getByText(/It is tried again by itself in \d+ min/).waitFor()
  await button(page, 'Try now').click()
  await page.locator('.task-head').getByText('running').waitFor()
  assert.deepEqual(runs.started, [image, image])
  assert.deepEqual(faults, [])
})

test('a task is removed, after it was asked for once more', { skip }, async () => {
  const runs = scriptRun()
  await using opened = await open(runs.run, { address: '/?state=completed' })
  const { page, service, faults } = opened
  await push(service, image)
  await running(page).getByRole('link').waitFor()
  runs.end(image)
  await history(page).getByRole('link', { name: image }).click()
  await button(page, 'Remove').click()
  await button(page, 'Keep').click()
  await button(page, 'Remove').click()
  assert.equal(service.queue.list().tasks.length, 1)
  await button(page, 'Remove').click()
  await history(page).getByText('No task fits this filter.').waitFor()
  assert.equal(service.queue.list().tasks.length, 0)
  // the page that was come from
  assert.match(page.url(), /#\/\?state=completed$/)
  await page.goBack()
  await page.getByRole('alert').waitFor()
  assert.deepEqual(faults, [])
})

test('what cannot be done says why', { skip }, async () => {
  const runs = scriptRun({ stubborn: true })
  await using opened = await open(runs.run)
  const { page, service, relay, faults } = opened
  await push(service, image)
  await running(page).getByRole('link').click()
  await button(page, 'Cancel').waitFor()
  relay.cut()
  await button(page, 'Cancel').click()
  await page
    .getByRole('alert')
    .getByText(/acceld cannot be reached/)
    .waitFor()
  assert.deepEqual(faults, [])
})
