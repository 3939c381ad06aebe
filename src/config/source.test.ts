import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from './load.ts'
import { findSource } from './source.ts'

const { config } = parseConfig(
  `provider:
  source:
    harbor.example: {}
    harbor.example:8443: {}
    Upper.example: {}
    tls.example:443: {}
    plain.example: { plain_http: true }
    docker.io: {}
    localhost: {}
    127.0.0.1:80: {}
converter: { driver: { type: estargz } }
`,
  'config.yaml',
)

const cases: [host: string, found: string | undefined][] = [
  ['harbor.example', 'harbor.example'],
  ['harbor.example:8443', 'harbor.example:8443'],
  ['harbor.example:443', 'harbor.example'],
  ['harbor.example:80', undefined],
  ['harbor.example:9', undefined],
  ['HARBOR.example', 'harbor.example'],
  ['upper.example', 'Upper.example'],
  ['tls.example', 'tls.example:443'],
  ['plain.example:80', 'plain.example'],
  ['plain.example:443', undefined],
  ['registry-1.docker.io', 'docker.io'],
  ['index.docker.io', 'docker.io'],
  ['localhost:80', 'localhost'],
  ['localhost:443', undefined],
  ['127.0.0.1', '127.0.0.1:80'],
  ['evil-harbor.example', undefined],
  ['', undefined],
]

for (const [host, found] of cases) {
  test(`${JSON.stringify(host)} is configured as ${found ?? 'nothing'}`, () => {
    assert.equal(findSource(config, host)?.name, found)
  })
}
