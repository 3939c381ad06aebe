/** What a run found, as a table: `ACCEL_INTEROP_RESULTS` names the folder for it. docs/interop.md has the last ones. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { table } from '../../scripts/docs/page.ts'

/** One line of results: column names and what stands there. */
export type Row = Record<string, string | number>

/** Writes `NAME.json` and `NAME.md`, where somebody asked for them. */
export function writeResults(name: string, rows: Row[]): void {
  const folder = process.env.ACCEL_INTEROP_RESULTS
  if (folder === undefined || rows.length === 0) return
  mkdirSync(folder, { recursive: true })
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const cells = rows.map((row) => columns.map((column) => String(row[column] ?? '')))
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(rows, null, 2)}\n`)
  writeFileSync(join(folder, `${name}.md`), `${table(columns, cells)}\n`)
}
