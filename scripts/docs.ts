/**
 * `npm run docs`: writes the pages of `docs/` that are made from tables in the code. With `--check` it writes
 * nothing, names the pages that are out of date and fails if there are any. A page is one file in `scripts/docs/`
 * and one line in the list below.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cliPage } from './docs/cli.ts'
import { configurationPage } from './docs/configuration.ts'
import { driversPage } from './docs/drivers.ts'
import { errorsPage } from './docs/errors.ts'
import { formatPages } from './docs/formats.ts'
import { jsonSchemaPage } from './docs/json-schema.ts'
import { httpApiPage } from './docs/http-api.ts'
import { metricsPage } from './docs/metrics.ts'
import type { Page } from './docs/page.ts'
import { root } from './source-tree.ts'

const pages: Page[] = [
  configurationPage,
  driversPage,
  jsonSchemaPage,
  httpApiPage,
  cliPage,
  errorsPage,
  metricsPage,
  ...formatPages,
]

const check = process.argv.includes('--check')
for (const page of pages) {
  const text = await page.render()
  if (text === current(page)) continue
  console.log(check ? `${page.path} is out of date; run: npm run docs` : `wrote ${page.path}`)
  if (check) process.exitCode = 1
  else writeFileSync(join(root, page.path), text)
}

function current(page: Page): string | undefined {
  try {
    return readFileSync(join(root, page.path), 'utf8')
  } catch {
    return undefined
  }
}
