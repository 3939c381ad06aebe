import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderConfigurationDocs } from './documentation.ts'
import { parseConfig } from './load.ts'

test('every key of the schema is documented below its path', () => {
  const page = renderConfigurationDocs()
  const paths = [...page.matchAll(/^## `(.+)`$/gm)].map((match) => match[1])
  assert.ok(paths.includes('provider.source.<host>.webhook'))
  assert.ok(paths.includes('converter.rules[]'))
  for (const line of page.split('\n').filter((text) => text.startsWith('|'))) {
    assert.equal(line.split('|').length, 6, line)
  }
})

test('the documented defaults are the ones that are used', () => {
  const { config } = parseConfig('converter: { driver: { type: estargz } }', 'config.yaml')
  const page = renderConfigurationDocs()
  assert.match(page, new RegExp(`^\\| \`port\` \\| [^|]+ \\| \`${config.server.port}\` \\|`, 'm'))
  assert.match(
    page,
    new RegExp(`^\\| \`worker\` \\| [^|]+ \\| \`${config.converter.worker}\` `, 'm'),
  )
})
