import type { Key, Section } from './key.ts'
import { schema } from './schema.ts'

const opening = `# Configuration

\`acceld --config FILE\` and \`accelctl convert --config FILE\` read one YAML file. Files of earlier releases of the
acceleration service are read as they are. Ready-made ones are in [misc/config](../misc/config).

- A key that is not listed here is warned of, with the key that may be meant; \`--strict-config\` makes it an error.
- All mistakes are reported at once, with path and line: \`config.yaml:12: server.port: "99999" is not …\`.
- A *secret* is written in the file, or taken from the environment (\`env:NAME\`) or a file (\`file:PATH\`); it is read
  with the configuration and never appears in the log.
- \`acceld config check FILE\` says, key by key, what becomes of a file. Editors complete and check it by
  [config.schema.json](../misc/config/config.schema.json). What SIGHUP changes without a restart is in [operations](operations.md).
- Relative paths of certificates and secrets start in the folder of the configuration file.
`

/** The text of docs/configuration.md. */
export function renderConfigurationDocs(): string {
  return [opening, ...sections('', schema)].join('\n')
}

/** The page's part for the keys directly below `key`, and then the parts of the sections among them. */
function sections(path: string, key: Key<unknown>): string[] {
  if (key.below === undefined) return []
  const own = pathBelow(path, key.below.name)
  const rows = Object.entries(key.below.keys)
  const leaves = rows.filter(([, row]) => row.below === undefined)
  const part =
    leaves.length === 0
      ? key.doc === ''
        ? []
        : [heading(own, key)]
      : [heading(own, key) + table(leaves)]
  return [
    ...part,
    ...rows.flatMap(([name, row]) => sections(own === '' ? name : `${own}.${name}`, row)),
  ]
}

function heading(path: string, key: Key<unknown>): string {
  return `## \`${path}\`\n\n${key.doc}\n`
}

function table(rows: [string, Section[string]][]): string {
  const lines = rows.map(
    ([name, key]) => `| \`${name}\` | ${key.form} | ${shownDefault(key)} | ${key.doc} |`,
  )
  return [
    '',
    '| key | value | default | meaning |',
    '| --- | --- | --- | --- |',
    ...lines,
    '',
  ].join('\n')
}

function shownDefault(key: Key<unknown>): string {
  return key.shownDefault === undefined ? '' : `\`${key.shownDefault}\``
}

function pathBelow(path: string, name: '' | '<host>' | '[]'): string {
  if (name === '<host>') return `${path}.<host>`
  return `${path}${name}`
}
