/**
 * `npm run docs`: writes the pages of `docs/` that are made from tables in the code. With `--check` it writes
 * nothing, names the pages that are out of date and fails if there are any. A page is one file in `scripts/docs/`
 * and one line in the list below.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorsPage } from './docs/errors.ts'
import type { Page } from './docs/page.ts'
import { root } from './source-tree.ts'

const pages: Page[] = [errorsPage]

const check = process.argv.includes('--check')
const stale = pages.filter((page) => current(page) !== page.render())
for (const page of stale) {
  if (!check) writeFileSync(join(root, page.path), page.render())
  console.log(check ? `${page.path} is out of date; run: npm run docs` : `wrote ${page.path}`)
}
if (check && stale.length > 0) process.exitCode = 1

function current(page: Page): string | undefined {
  try {
    return readFileSync(join(root, page.path), 'utf8')
  } catch {
    return undefined
  }
}
