import { catalogue } from '../../src/errors/catalogue/index.ts'
import type { ErrorRow } from '../../src/errors/row.ts'
import { type Page, table } from './page.ts'

const rows = Object.entries(catalogue) as [string, ErrorRow<unknown>][]

const intro = `# Errors

Every failure has a code. The command line prints it with the message and what can be done about it; the HTTP API
answers with it; the log has it as a member. Codes are never reused for another meaning, so scripts may depend on them.

*status* is that of the HTTP API, *exit* that of \`accelctl\`. *Tried again* says what the service does by itself:
\`backoff\` repeats after a growing pause, \`other-worker\` elsewhere, \`never\` not at all. *Upstream's code* is what
clients of the Go service know the same failure by.

This page is made from \`src/errors/catalogue\`: \`npm run docs\`.`

/** `docs/errors.md`: the catalogue, a section for each family. */
export const errorsPage: Page = {
  path: 'docs/errors.md',
  render() {
    const families = Map.groupBy(rows, ([code]) => code.split('_')[0] ?? code)
    const sections = [...families].map(([family, members]) => `## ${family}\n\n${section(members)}`)
    return `${[intro, ...sections].join('\n\n')}\n`
  },
}

function section(members: [string, ErrorRow<unknown>][]): string {
  const facts = members.map(([code, row]) => [
    `\`${code}\``,
    String(row.status),
    String(row.exit),
    row.retry,
    row.wire === undefined ? '' : `\`${row.wire}\``,
  ])
  const hints = members.map(([code, row]) => `- \`${code}\`: ${row.hint}`)
  return [
    table(['code', 'status', 'exit', 'tried again', "upstream's code"], facts),
    hints.join('\n'),
  ].join('\n\n')
}
