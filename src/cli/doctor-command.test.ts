import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Check } from '../doctor/check.ts'
import { startTestRegistry } from '../testing/registry/test-registry.ts'
import { startTestService } from '../testing/service/http-service.ts'
import { recordOutput } from '../testing/service/recorded-output.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { runAccelctl } from './accelctl.ts'

async function doctor(
  t: TestContext,
  argv: string[],
  terminal?: { columns: number; rows: number },
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdout, stderr] = [recordOutput(terminal), recordOutput()]
  const environment = { NO_COLOR: '1' }
  const io = { stdout, stderr, environment, signal: t.signal }
  const openConversions = () => Promise.reject(new Error('nothing is converted here'))
  const code = await runAccelctl(['doctor', ...argv], io, { openConversions })
  return { code, stdout: stdout.text, stderr: stderr.text }
}

/** A configuration file that only its owner can read. */
async function configFile(t: TestContext, yaml: string): Promise<string> {
  const path = join(await temporaryDirectory(t), 'config.yaml')
  await writeFile(path, yaml)
  await chmod(path, 0o600)
  return path
}

const rules = 'converter: { driver: { type: estargz }, rules: [{ tag_suffix: -e }] }\n'

test('a set-up with a running acceld: exit code 0, a line for each finding, and JSON', async (t) => {
  await using registry = await startTestRegistry()
  const workDir = await temporaryDirectory(t)
  const yaml = `server: { host: 127.0.0.1, port: 0, api_token: t0k3n }
provider:
  source: { "${registry.host}": { webhook: { auth_header: wh00k } } }
  work_dir: ${workDir}
${rules}`
  await using service = await startTestService({ yaml })
  const config = await configFile(t, yaml)
  const argv = ['--config', config, '--addr', `127.0.0.1:${service.server.port}`]
  const { code, stdout, stderr } = await doctor(t, argv)
  assert.equal(code, 0, stdout + stderr)
  assert.match(stdout, /^config +ok +.*config\.yaml can be used$/m)
  assert.match(stdout, /^acceld +ok +acceld answers at 127\.0\.0\.1:\d+ and can take orders$/m)
  assert.match(stdout, /^ +ok +acceld accepts server\.api_token$/m)
  assert.match(stdout, /^ +ok +acceld accepts the Authorization of 127\.0\.0\.1:\d+'s webhook$/m)
  assert.match(stdout, /\n0 failures, \d+ warnings?, 1 skipped, \d+ ok\n$/)
  assert.ok(!stdout.includes('t0k3n') && !stdout.includes('wh00k'))
  const json = JSON.parse((await doctor(t, [...argv, '--json'])).stdout) as {
    checks: Check[]
    counts: Record<string, number>
  }
  assert.equal(json.counts['failure'], 0)
  assert.ok(json.checks.some(({ area, state }) => area === registry.host && state === 'skipped'))
})

test('an acceld that runs with another header than the file has', async (t) => {
  const yaml = (header: string) =>
    `server: { host: 127.0.0.1, port: 0 }
provider: { source: { hub.test: { webhook: { auth_header: ${header} } } }, work_dir: WORK }
${rules}`.replace('WORK', '/nonexistent-work')
  await using service = await startTestService({ yaml: yaml('old') })
  const config = await configFile(t, yaml('new'))
  const argv = ['--config', config, '--addr', `127.0.0.1:${service.server.port}`, '--json']
  const { code, stdout } = await doctor(t, [...argv, '--timeout', '30'])
  assert.equal(code, 3)
  const { checks } = JSON.parse(stdout) as { checks: Check[] }
  const refused = checks.find(({ area, state }) => area === 'acceld' && state === 'failure')
  assert.match(
    refused?.found ?? '',
    /it runs with another value of provider\.source\."hub\.test"\.webhook/,
  )
  assert.match(refused?.fix ?? '', /SIGHUP/)
})

test('without a file, and with one that cannot be used; on a terminal of 80 columns', async (t) => {
  const size = { columns: 80, rows: 24 }
  const bare = await doctor(t, [], size)
  assert.equal(bare.code, 0)
  assert.match(bare.stdout, /^machine +ok +Node\.js/)
  const config = await configFile(t, 'converter: { driver: { type: estragz }, worker: none }\n')
  const broken = await doctor(t, ['--config', config], size)
  assert.equal(broken.code, 3)
  assert.match(broken.stdout, /FAILURE line 1, converter\.worker/)
  for (const line of [...bare.stdout.split('\n'), ...broken.stdout.split('\n')]) {
    assert.ok(line.length <= 80 || !line.trim().includes(' '), line)
  }
})

const misuses: [string, string[], RegExp][] = [
  ['a target without a file', ['hub.test'], /--config is required/],
  ['a file that is not there', ['--config', '/nonexistent.yaml'], /cannot read/],
  ['a time of nothing', ['--timeout', '0'], /number of seconds/],
]
for (const [name, argv, expected] of misuses) {
  test(name, async (t) => {
    const { code, stderr } = await doctor(t, argv)
    assert.equal(code, 1)
    assert.match(stderr, expected)
  })
}

test('a registry that is not in the file is not contacted', async (t) => {
  await using registry = await startTestRegistry()
  const config = await configFile(t, `provider: { source: { hub.test: {} } }\n${rules}`)
  const { code, stderr } = await doctor(t, ['--config', config, `${registry.host}/app`])
  assert.equal(code, 1)
  assert.match(stderr, /REGISTRY_HOST_NOT_CONFIGURED/)
  assert.deepEqual(registry.requests(), [])
})

test('what the configuration keeps secret is not sent to another machine without TLS', async (t) => {
  const seen: (string | undefined)[] = []
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization)
    const checks = { database: 'ok', disk: 'ok', registries: 'ok' }
    response.end(JSON.stringify({ ready: true, checks }))
  })
  t.after(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve))
  const { port } = server.address() as AddressInfo
  // an address of this machine that does not say so
  const own = Object.values(networkInterfaces())
    .flatMap((addresses = []) => addresses)
    .find(({ internal, family }) => !internal && family === 'IPv4')
  if (own === undefined) return t.skip('this machine has no address but that of itself')
  const yaml = `server: { api_token: t0k3n }
provider: { source: { "127.0.0.1:1": { webhook: { auth_header: wh00k } } }, work_dir: /nonexistent }
${rules}`
  const config = await configFile(t, yaml)
  const argv = ['--config', config, '--addr', `${own.address}:${port}`]
  const { stdout } = await doctor(t, argv)
  assert.match(stdout, /skipped whether it accepts the Authorization .* without TLS/)
  assert.deepEqual(seen, [undefined])
})
