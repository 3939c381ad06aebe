/** A real Chromium, and what is asked of every page in it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium, type Browser, type Page } from 'playwright-core'
import { findProgram } from './command.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Why there is no browser, or undefined. */
export function browserReason(): string | undefined {
  return chromiumPath() === undefined ? 'not installed: chromium; see docs/interop.md' : undefined
}

function chromiumPath(): string | undefined {
  return findProgram('chromium') ?? findProgram('google-chrome')
}

export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath()!,
    // the sandbox does not run for root, and CI is root
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  })
}

/** Everything that a page has done wrong: errors, refusals of its security policy, requests to others than `origin`. */
export function watchPage(page: Page, origin: string): { faults: string[] } {
  const faults: string[] = []
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

/** Fails, naming the elements, when axe finds the page hard to use for somebody. */
export async function assertAccessible(page: Page): Promise<void> {
  // evaluated from outside, which no security policy of the page forbids
  await page.evaluate(axe)
  const violations = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> }
    }
    const { violations } = await axe.run()
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
  })
  assert.deepEqual(violations, [])
}
