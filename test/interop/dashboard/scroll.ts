/** How smoothly a page scrolls. */
import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'

export interface Scrolled {
  /** Share of the frames that took more than 50 ms. */
  late: number
  /** All figures, for people. */
  text: string
}

/** Scrolls from the top to the bottom as a hand on a wheel does, 12,000 px a second. Fails where the bottom is not reached. */
export async function scrollThrough(page: Page): Promise<Scrolled> {
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('Performance.enable')
  const work = async (): Promise<Map<string, number>> => {
    const { metrics } = await devtools.send('Performance.getMetrics')
    return new Map(metrics.map(({ name, value }) => [name, value]))
  }
  await page.evaluate(`{
    globalThis.frames = []
    let last = performance.now()
    const step = (now) => {
      frames.push(now - last)
      last = now
      if (!globalThis.scrolled) requestAnimationFrame(step)
    }
    requestAnimationFrame(step)
  }`)
  const before = await work()
  const height = (await page.evaluate('document.documentElement.scrollHeight')) as number
  await devtools.send('Input.synthesizeScrollGesture', {
    x: 700,
    y: 450,
    yDistance: -2 * height,
    speed: 12_000,
    gestureSourceType: 'mouse',
  })
  const after = await work()
  const frames = (await page.evaluate('globalThis.scrolled = true, frames')) as number[]
  const left = 'document.documentElement.scrollHeight - innerHeight - scrollY'
  assert.ok(((await page.evaluate(left)) as number) < 5, 'the scroll ended before the bottom')
  const late = frames.filter((ms) => ms > 50).length / frames.length
  const seconds = (name: string): string =>
    ((after.get(name) ?? 0) - (before.get(name) ?? 0)).toFixed(2)
  const took = (frames.reduce((sum, ms) => sum + ms, 0) / 1000).toFixed(1)
  return {
    late,
    text: [
      `${height} px in ${took} s, ${frames.length} frames`,
      `half within ${within(frames, 0.5)} ms, 95 % within ${within(frames, 0.95)} ms, the longest ${within(frames, 1)} ms`,
      `${(late * 100).toFixed(1)} % over 50 ms`,
      `of the page's own work ${seconds('TaskDuration')} s: script ${seconds('ScriptDuration')} s, style ${seconds('RecalcStyleDuration')} s, layout ${seconds('LayoutDuration')} s`,
    ].join('; '),
  }
}

/** Milliseconds within which a share of the frames came. */
function within(frames: readonly number[], share: number): number {
  const sorted = frames.toSorted((a, b) => a - b)
  return Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0)
}
