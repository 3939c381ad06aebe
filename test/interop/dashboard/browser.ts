/** A real Chromium, and what is asked of every page in it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium, type Browser, type Page } from 'playwright-core'
import { findProgram } from '../command.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Why there is no browser, or undefined. */
export function browserReason(): string | undefined {
  return chromiumPath() === undefined ? 'not installed: chromium; see docs/interop.md' : undefined
}

function chromiumPath(): string | undefined {
  return findProgram('chromium') ?? findProgram('google-chrome')
}

/** A name that leads to 127.0.0.1 in the browser, as anybody can make one in the DNS. */
export const REBOUND = 'page.rebind.example'

export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath()!,
    args: [
      `--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`,
      // the sandbox does not run for root, and CI is root
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  })
}

/** How the faults begin that the security policy had to stop. */
export const VIOLATION = 'the policy forbids'

/** Everything that a page has done wrong: errors, what its security policy had to stop, requests to others than `origin`. */
export async function watchPage(page: Page, origin: string): Promise<{ faults: string[] }> {
  const faults: string[] = []
  await page.addInitScript(`addEventListener('securitypolicyviolation', (event) =>
    console.error('${VIOLATION} ' + event.effectiveDirective + ': ' + event.blockedURI))`)
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('console', (message) => {
    const text = message.text()
    // a connection that is cut, or a token that is refused, is not the page's fault
    if (message.type() === 'error' && !/Failed to load resource/.test(text)) faults.push(text)
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(origin)) faults.push(`asked for ${request.url()}`)
  })
  return { faults }
}

/** How pages are looked at: in a window of a desk and of a phone, light and dark. */
export const looks = [1440, 390].flatMap((width) =>
  (['light', 'dark'] as const).map((colorScheme) => ({ width, colorScheme })),
)

/** Fails, naming what is wrong, where axe finds the page hard to use for somebody, or one has to scroll it sideways, in any look. */
export async function assertAccessible(page: Page): Promise<void> {
  const before = page.viewportSize()
  // evaluated from outside, which no security policy of the page forbids
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe)
  const found: string[] = []
  for (const { width, colorScheme } of looks) {
    await page.setViewportSize({ width, height: 900 })
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    const look = `${width} px, ${colorScheme}: `
    found.push(...(await violations(page)).map((violation) => look + violation))
    const wide = (await page.evaluate('document.documentElement.scrollWidth')) as number
    if (wide > width) found.push(`${look}the content is ${wide} px wide`)
  }
  if (before !== null) await page.setViewportSize(before)
  assert.deepEqual(found, [])
}

function violations(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> }
    }
    const { violations } = await axe.run()
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
  })
}
