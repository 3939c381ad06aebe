/** What is pushed is seen, and what becomes of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AccelError } from '../../../src/errors/accel-error.ts'
import { scriptRun } from '../../../src/testing/scripted-run.ts'
import { button, converting, history, open, push, running, skip } from './opened.ts'

const image = 'hub.test/app:1'

test('a push is seen, its progress moves, and it is a bar of the plots', { skip }, async () => {
  const runs = scriptRun()
  await using opened = await open(runs.run)
  const { page, service, faults } = opened
  await page.getByText('Nothing is being converted.').waitFor()
  await page.getByText('No task has ended yet.').waitFor()
  await push(service, image)
  await running(page).getByRole('link', { name: image }).waitFor()
  assert.equal(await page.title(), '(1) acceld')
  const whole = running(page).getByRole('progressbar', { name: `${image}: converting` })
  const layer = running(page).getByRole('progressbar', { name: 'Layer 1: converting' })
  for (const read of [1_000_000, 4_000_000]) {
    runs.init(image).progress(converting(read))
    await running(page).locator(`progress.convert[value='${read}'][max='8000000']`).waitFor()
    assert.equal(await layer.getAttribute('value'), String(read))
  }
  assert.equal(await whole.getAttribute('max'), '8000000')
  await running(page).getByText('4.00 MB of 8.00 MB').waitFor()
  await running(page).getByText('4.00 MB of 6.00 MB').waitFor()
  // a pace is known once there is some time to measure it by
  const paces = running(page).getByText(/^\d[\d.]* (bytes|[kMG]B)\/s$/)
  for (let read = 4_000_000; (await paces.count()) < 2; read += 1000) {
    runs.init(image).progress(converting(read))
  }
  await running(page)
    .getByText(/ left$/)
    .waitFor()
  runs.end(image, { sourceSize: 8_000_000, targetSize: 8_400_000 })
  const row = history(page).getByRole('listitem')
  await row.getByText('completed').waitFor()
  assert.match(await row.innerText(), /8\.00 MB → 8\.40 MB\s+5\.0 % larger\s+took/)
  const plot = page.getByRole('figure').filter({ hasText: 'Tasks ended' })
  await plot.locator('rect.converted').waitFor()
  await plot.getByText('1 converted', { exact: true }).waitFor()
  assert.equal(await page.title(), 'acceld')
  assert.deepEqual(faults, [])
})

test(
  'a task is opened while it runs: its picture, its layers, its failure and the remedy',
  { skip },
  async () => {
    const runs = scriptRun()
    await using opened = await open(runs.run)
    const { page, service, faults } = opened
    await push(service, image)
    await running(page).getByRole('link').click()
    await page.getByRole('heading', { level: 1, name: image }).waitFor()
    runs.init(image).progress(converting(1_000_000))
    const picture = page.getByRole('img', { name: /What happened when/ })
    // the task's own line, and that of the layer at work
    await picture.locator('rect.convert').first().waitFor()
    await page.getByRole('row').nth(2).waitFor()
    runs.init(image).progress(converting(3_000_000))
    // told by the event, between two looks at the task
    await page.getByRole('row', { name: /^1 6\.00 MB 3\.00 MB/ }).waitFor()
    runs.fail(
      image,
      new AccelError('TASK_DEFECT', { source: image, message: 'the robot may not pull' }),
    )
    const reason = page.getByRole('region', { name: /What went wrong/ })
    await reason.getByText('the robot may not pull').waitFor()
    await reason.getByText('TASK_DEFECT').waitFor()
    await reason.getByRole('heading', { name: 'What to do' }).waitFor()
    await page.getByRole('region', { name: 'Log' }).getByText('failed').waitFor()
    await page.getByRole('cell', { name: 'broken off' }).waitFor()
    await button(page, 'Retry').waitFor()
    assert.deepEqual(faults, [])
  },
)

test('what needed no conversion says so', { skip }, async () => {
  const runs = scriptRun()
  await using opened = await open(runs.run)
  const { page, service, faults } = opened
  await push(service, 'hub.test/there:1')
  await push(service, 'hub.test/nothing:1')
  await running(page).getByRole('link').nth(1).waitFor()
  runs.end('hub.test/there:1', { reused: true })
  runs.end('hub.test/nothing:1', { sourceSize: 0, targetSize: 0, skipped: 'it was made here' })
  const rows = history(page).getByRole('listitem')
  await rows.filter({ hasText: 'there:1' }).getByText('The result was there already.').waitFor()
  await rows.filter({ hasText: 'nothing:1' }).getByText('it was made here').waitFor()
  const plot = page.getByRole('figure').filter({ hasText: 'Tasks ended' })
  await plot.getByText('0 converted, 2 not needed', { exact: true }).waitFor()
  await rows.filter({ hasText: 'there:1' }).getByRole('link').click()
  await page.getByText('an earlier result was found, nothing was converted').waitFor()
  assert.deepEqual(faults, [])
})
