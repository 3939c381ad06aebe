import { estargzOptionDocs } from '../../src/drivers/estargz/options.ts'
import { nydusOptionDocs } from '../../src/drivers/nydus/options.ts'
import { zstdChunkedOptionDocs } from '../../src/drivers/zstd-chunked/options.ts'
import type { Page } from './page.ts'

const drivers: readonly [name: string, what: string, docs: Readonly<Record<string, string>>][] = [
  [
    'estargz',
    'Gzip layers with a table of contents: [eStargz](formats/estargz.md).',
    estargzOptionDocs,
  ],
  [
    'zstdchunked',
    'Zstd layers with a table of contents: [zstd:chunked](formats/zstd-chunked.md).',
    zstdChunkedOptionDocs,
  ],
  [
    'nydus',
    'Chunks in blobs, and one bootstrap for the whole image: [Nydus](nydus.md).',
    nydusOptionDocs,
  ],
]

/** `docs/drivers.md`: every option of every driver. */
export const driversPage: Page = {
  path: 'docs/drivers.md',
  render: () => `# Drivers

\`converter.driver.type\` names one, \`converter.driver.config\` has its options. Made from the tables of the code by \`npm run docs\`.
A key that is not known, and a value that cannot be, are refused when the configuration is read.

${drivers.map(([name, what, docs]) => `## ${name}\n\n${what}\n\n${table(docs)}`).join('\n\n')}
`,
}

function table(docs: Readonly<Record<string, string>>): string {
  const rows = Object.entries(docs).map(([key, text]) => `| \`${key}\` | ${text} |`)
  return ['| key | meaning |', '| --- | --- |', ...rows].join('\n')
}
