import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Command } from 'commander'
import { recordOutput } from '../testing/service/recorded-output.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { configCommand } from './command.ts'

const upstream = `server:
  port: 2077
  prot: 1
provider:
  source:
    harbor.test:
      auth: YTpi
      insecure: true
      webhook: { auth_header: env:HEADER }
  cache_size: 5
converter:
  harbor_annotation: true
  driver: { type: nydus, config: { work_dir: /tmp } }
  rules:
    - tag_suffix: -nydus
    - tag_suffix: -other
`

async function check(t: TestContext, yaml: string, args: string[] = [], mode = 0o600) {
  const file = join(await temporaryDirectory(t), 'config.yaml')
  await writeFile(file, yaml)
  await chmod(file, mode)
  return { file, ...(await run(['check', file, ...args])) }
}

async function run(args: string[]) {
  const stdout = recordOutput()
  const stderr = recordOutput()
  let code: number | undefined
  const io = { stdout, stderr, environment: { HEADER: 'h' } }
  const command: Command = configCommand(io, (its) => (code = its))
  await command.parseAsync(args, { from: 'user' })
  return { code, stdout: stdout.text, stderr: stderr.text }
}

test('a file of earlier releases: what is used, changed, dead, unknown and dangerous, with its line', async (t) => {
  const { file, code, stdout } = await check(t, upstream, ['--output', 'json', '--all'])
  assert.equal(code, 3)
  const report = JSON.parse(stdout) as {
    file: string
    usable: boolean
    findings: { line: number; path: string; state: string; note: string }[]
  }
  assert.equal(report.file, file)
  assert.equal(report.usable, true)
  assert.deepEqual(
    report.findings.map(({ line, path, state }) => `${line} ${path} ${state}`),
    [
      '1 server.allow_unauthenticated changed',
      '2 server.port used',
      '3 server.prot unknown',
      '4 provider.gcpolicy.threshold changed',
      '7 provider.source.harbor.test.auth used',
      '8 provider.source.harbor.test.insecure dangerous',
      '9 provider.source.harbor.test.webhook.auth_header used',
      '10 provider.cache_size used',
      '12 converter.harbor_annotation changed',
      '13 converter.driver.type used',
      '13 converter.driver.config dead',
      '15 converter.rules[0].tag_suffix used',
      '16 converter.rules[1].tag_suffix used',
      '16 converter.rules[1] unknown',
    ],
  )
  assert.match(stdout, /did you mean port/)
})

test('a secret that everybody can read is dangerous, one in the environment is not', async (t) => {
  const { stdout } = await check(t, upstream, [], 0o644)
  assert.match(stdout, /^7 provider\.source\.harbor\.test\.auth +dangerous +every user can read/m)
  assert.doesNotMatch(stdout, /auth_header/)
  assert.doesNotMatch(stdout, /YTpi/)
})

test('the code tells whether the file can be used, and whether a finding is as bad as was asked', async (t) => {
  const good = 'converter: { driver: { type: estargz }, rules: [{ tag_suffix: -e }] }\n'
  assert.equal((await check(t, good)).code, 0)
  assert.equal((await check(t, good, ['--fail-on', 'changed'])).code, 3)
  const { code, stdout } = await check(t, good.replace('estargz', 'estragz'))
  assert.equal(code, 1)
  assert.match(stdout, /^1 converter\.driver\.type +error +unsupported driver estragz/m)
  assert.match(stdout, /CANNOT be used/)
  const options = good.replace('estargz }', 'estargz, config: { levle: 1 } }')
  assert.match((await check(t, options)).stdout, /driver\.config +error .*levle.* is not known/)
  assert.equal((await check(t, 'converter: [')).code, 1)
  assert.equal((await check(t, 'converter: { driver: { type: estargz } }')).code, 1)
  const missing = await run(['check', '/nonexistent/config.yaml'])
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /cannot read .*ENOENT/)
})
