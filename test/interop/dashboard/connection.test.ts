/** Who is let in, and what is shown when the service is away. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scriptRun } from '../../../src/testing/scripted-run.ts'
import { REBOUND, VIOLATION } from './browser.ts'
import { button, history, open, push, running, skip, startService, TOKEN } from './opened.ts'

test(
  'a connection that breaks is said to be lost, made again, and nothing is missed',
  { skip },
  async () => {
    const runs = scriptRun()
    await using opened = await open(runs.run)
    const { page, service, relay, faults } = opened
    const news = page.getByRole('status')
    await page.getByText('Live', { exact: true }).waitFor()
    await push(service, 'hub.test/app:1')
    await running(page).getByRole('link').waitFor()
    relay.cut()
    await page.getByText('The connection to acceld is lost.', { exact: true }).waitFor()
    await page.getByText(/What is shown is of \d.*Trying again in \d+ s/).waitFor()
    await news.getByText('The connection to acceld is lost').waitFor({ state: 'attached' })
    runs.end('hub.test/app:1')
    await push(service, 'hub.test/app:2')
    relay.mend()
    await page.getByText('Live', { exact: true }).waitFor()
    await page
      .getByText('The connection to acceld is lost.', { exact: true })
      .waitFor({ state: 'detached' })
    await running(page).getByRole('link', { name: 'hub.test/app:2' }).waitFor()
    await history(page).locator('.badge.completed').waitFor()
    assert.deepEqual(faults, [])
  },
)

test('a service that has restarted is asked for its tasks anew', { skip }, async () => {
  await using opened = await open(scriptRun().run)
  const { page, service, relay, faults } = opened
  await push(service, 'hub.test/before:1')
  await running(page).getByRole('link', { name: 'before:1' }).waitFor()
  relay.cut()
  await using restarted = await startService(scriptRun().run)
  await push(restarted, 'hub.test/after:1')
  relay.mend(restarted.server.port)
  await button(page, 'Connect now').click()
  await page.getByRole('status').getByText('Connected again').waitFor({ state: 'attached' })
  await running(page).getByRole('link', { name: 'after:1' }).waitFor()
  await running(page).getByRole('link', { name: 'before:1' }).waitFor({ state: 'detached' })
  assert.deepEqual(faults, [])
})

test(
  'nothing is shown without the token, and what is entered stays in this tab',
  { skip },
  async () => {
    await using opened = await open(scriptRun().run, { token: '' })
    const { page, service, faults } = opened
    await push(service, 'hub.test/secret:1')
    const field = page.getByLabel('Token')
    await field.waitFor()
    assert.equal(await page.getByRole('alert').count(), 0)
    await field.fill('wrong')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').getByText('acceld does not take this token.').waitFor()
    assert.ok(!(await page.content()).includes('secret'))
    await field.fill(TOKEN)
    await page.keyboard.press('Enter')
    await running(page).getByRole('link', { name: 'hub.test/secret:1' }).waitFor()
    assert.equal(await page.evaluate(() => localStorage.length), 0)
    await button(page, 'Sign out').click()
    await field.waitFor()
    assert.deepEqual(faults, [])
  },
)

test(
  'what another site or an injected text would have the page do is stopped, and seen',
  { skip },
  async () => {
    await using opened = await open(scriptRun().run)
    const { page, faults } = opened
    await page.getByText('Live', { exact: true }).waitFor()
    assert.deepEqual(faults, [])
    await page.evaluate(`{
      const script = document.createElement('script')
      script.textContent = 'document.title = "taken over"'
      const style = document.createElement('style')
      style.textContent = 'body { display: none }'
      const image = document.createElement('img')
      image.src = 'https://elsewhere.test/pixel'
      document.body.append(script, style, image)
      fetch('https://elsewhere.test/').catch(() => undefined)
    }`)
    const stopped = () =>
      faults.map((fault) => new RegExp(`^${VIOLATION} (\\S+):`).exec(fault)?.[1])
    while (!stopped().includes('connect-src')) await page.waitForTimeout(10)
    for (const directive of ['script-src-elem', 'style-src-elem', 'img-src', 'connect-src']) {
      assert.ok(stopped().includes(directive), directive)
    }
    assert.equal(await page.title(), 'acceld')
  },
)

test(
  'a service without a lock shows itself under its own names, and not to a site that led here',
  { skip },
  async () => {
    await using own = await open(scriptRun().run, { token: '', unlocked: true })
    await own.page.getByText('Nothing is being converted.').waitFor()
    await using led = await open(scriptRun().run, { token: '', unlocked: true, host: REBOUND })
    const { page, service, faults } = led
    await push(service, 'hub.test/secret:1')
    await page.getByRole('alert').getByText(`"${REBOUND}:`).waitFor()
    const list = `fetch('/api/v1/conversions').then(async (answer) => answer.status + await answer.text())`
    assert.match(await page.evaluate(list), /^403.*HTTP_NAME_REFUSED/)
    // what the browser has to say of plain HTTP under a name
    const others = faults.filter((fault) => !fault.startsWith('The Cross-Origin-Opener-Policy'))
    assert.deepEqual([...own.faults, ...others], [])
  },
)
