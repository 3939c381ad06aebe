/** The two programs as processes, the way a user starts them. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { startTestService } from '../testing/service/http-service.ts'

const bin = join(import.meta.dirname, '../../bin')
const folder = mkdtempSync(join(tmpdir(), 'programs-'))
after(() => rmSync(folder, { recursive: true }))

function start(program: string, argv: string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(bin, program), ...argv], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...output }))
  return { child, output, ended }
}

test('accelctl speaks to a service over a Unix domain socket and over TCP', async () => {
  const socket = join(folder, 'a.sock')
  const rest = `provider: { source: { localhost: {} } }\nconverter: { driver: { type: estargz }, rules: [{ tag_suffix: -e }] }\n`
  await using unix = await startTestService({ yaml: `server: { uds: ${socket} }\n${rest}` })
  const task = ['task', '--addr', `unix://${socket}`]
  const created = await start('accelctl.js', [...task, 'create', '--sync', 'localhost/a:1']).ended
  assert.equal(created.code, 0, created.stderr)
  assert.match(
    created.stderr,
    /^time="[^"]+Z" level=info msg="Waiting task to be completed\.\.\."\n/,
  )
  const listed = await start('accelctl.js', [...task, 'ls']).ended
  assert.match(listed.stdout, /COMPLETED\tlocalhost\/a:1\t/)
  assert.equal(unix.queue.list().tasks.length, 1)
  await using tcp = await startTestService({
    yaml: `server: { host: 127.0.0.1, port: 0, api_token: t0k3n }\n${rest}`,
  })
  const addr = ['task', '--addr', `127.0.0.1:${tcp.server.port}`, 'ls', '--json']
  const json = await start('accelctl.js', addr, { ACCEL_TOKEN: 't0k3n' }).ended
  assert.deepEqual([json.code, json.stdout, json.stderr], [0, '[]\n', ''])
  assert.equal((await start('accelctl.js', addr).ended).code, 1)
})

test('acceld serves until it is terminated, and ends cleanly', async () => {
  const config = join(folder, 'config.yaml')
  writeFileSync(
    config,
    `server: { host: 127.0.0.1, port: 0 }
provider: { source: { localhost: { webhook: { auth_header: header } } }, work_dir: ${folder} }
converter: { driver: { type: estargz }, rules: [{ tag_suffix: -esgz }] }
`,
  )
  const { child, output, ended } = start('acceld.js', ['--config', config])
  while (!output.stderr.includes('HTTP server started')) await once(child.stderr, 'data')
  const [, port] = /started on 127\.0\.0\.1:(\d+)/.exec(output.stderr) ?? []
  const health = await fetch(`http://127.0.0.1:${port}/api/v1/health`)
  assert.equal(await health.text(), 'Ok')
  child.kill('SIGHUP')
  while (!output.stderr.includes('was read again')) await once(child.stderr, 'data')
  child.kill('SIGTERM')
  const { code, stderr } = await ended
  assert.equal(code, 0, stderr)
  assert.doesNotMatch(stderr, /level=(error|fatal)/)
})

test('a driver that is not known ends the start of acceld with its name', async () => {
  const config = join(folder, 'driver.yaml')
  writeFileSync(
    config,
    `provider: { work_dir: ${folder} }\nconverter: { driver: { type: gzipped }, rules: [{ tag_suffix: -x }] }\n`,
  )
  const { code, stderr } = await start('acceld.js', ['--config', config]).ended
  assert.notEqual(code, 0)
  assert.match(stderr, /level=fatal msg="unsupported driver \\?"?gzipped/)
})

test('an old Node.js is told what is missing, in one line', async () => {
  // the version is all that the first lines of the programs look at
  const pretend = join(folder, 'pretend.mjs')
  writeFileSync(
    pretend,
    `Object.defineProperty(process, 'versions', { value: { node: '20.20.2' } })
Object.defineProperty(process, 'version', { value: 'v20.20.2' })\n`,
  )
  for (const program of ['acceld', 'accelctl']) {
    const child = spawn(process.execPath, ['--import', pretend, join(bin, `${program}.js`)])
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    const [code] = (await once(child, 'close')) as [number]
    assert.equal(code, 1)
    assert.equal(stderr, `${program} needs Node.js 24 or newer, this is v20.20.2\n`)
  }
})
