import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseConfig } from '../config/load.ts'
import { createRegistryClient } from '../registry/client.ts'
import { startTestRegistry } from '../testing/registry/test-registry.ts'
import { registryHosts } from './registry-hosts.ts'

const certificates = join(import.meta.dirname, '../../test/fixtures/registry-tls')
const pem = (name: string): string => readFileSync(join(certificates, name), 'utf8')

/** Asks the registry `host` whether it answers, with `settings` for it in the configuration. */
async function check(host: string, settings: string): Promise<void> {
  const yaml = `
provider: { source: { "${host}": { ${settings} } } }
converter: { driver: { type: estargz } }`
  const { config } = parseConfig(yaml, join(certificates, 'config.yaml'))
  const client = createRegistryClient(
    {},
    { hosts: registryHosts(config, () => undefined), retry: { attempts: 1 } },
  )
  await client.check(host).finally(() => client.close())
}

test('the settings of a host decide on TLS and trust', async () => {
  await using registry = await startTestRegistry({
    tls: { key: pem('server-key.pem'), cert: pem('server.pem') },
  })
  const { host } = registry
  await check(host, 'ca_file: ca.pem')
  await check(host, 'plain_http: false, insecure: true')
  await assert.rejects(check(host, 'plain_http: false'), { code: /^REGISTRY_/ })
  await assert.rejects(check(host, 'plain_http: true, insecure: true'), { code: /^REGISTRY_/ })
})
