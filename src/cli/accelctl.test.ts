import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { ConversionService } from '../convert/service.ts'
import { AccelError } from '../errors/accel-error.ts'
import { fakeConversions } from '../testing/service/conversions.ts'
import { startTestService } from '../testing/service/http-service.ts'
import { recordOutput } from '../testing/service/recorded-output.ts'
import { runAccelctl } from './accelctl.ts'
import { interrupted } from './program-io.ts'

const folder = mkdtempSync(join(tmpdir(), 'accelctl-'))
after(() => rmSync(folder, { recursive: true }))
const config = join(folder, 'config.yaml')
writeFileSync(
  config,
  `provider: { source: { localhost: { auth: ${Buffer.from('u:p4ssw0rd').toString('base64')} } } }
converter: { driver: { type: estargz }, rules: [{ tag_suffix: -esgz }], wroker: 3 }
`,
)

const served = `server: { host: 127.0.0.1, port: 0, api_token: t0k3n }
provider: { source: { localhost: { webhook: { auth_header: header } } } }
converter: { driver: { type: estargz }, rules: [{ tag_suffix: -esgz }] }
`

interface RunInit {
  conversions?: ConversionService
  environment?: Record<string, string>
  terminal?: { columns: number; rows: number }
  signal?: AbortSignal
}

/** Runs accelctl; lines of the log come without their times. */
async function run(argv: string[], init: RunInit = {}) {
  const { conversions = fakeConversions(), environment = {}, terminal, signal } = init
  const stdout = recordOutput()
  const stderr = recordOutput(terminal)
  const io = { stdout, stderr, environment, signal: signal ?? new AbortController().signal }
  const code = await runAccelctl(argv, io, { openConversions: () => Promise.resolve(conversions) })
  const lines = stderr.text
    .replaceAll(/time="[^"]+" /g, '')
    .replaceAll(/\[\d{4}-[^\]]+\]/g, '[TIME]')
    .trimEnd()
    .split('\n')
  return { code, stdout: stdout.text, lines }
}

test('C-41: a task is created, with a word on how to follow it', async () => {
  await using service = await startTestService({ yaml: served })
  const addr = ['--addr', `127.0.0.1:${service.server.port}`, '--auth-header', 'header']
  const created = await run(['task', ...addr, 'create', 'localhost/a:1'])
  assert.deepEqual(created, {
    code: 0,
    stdout: '',
    lines: ['level=info msg="Submitted asynchronous task, check status by `task list`."'],
  })
  const sync = await run(['task', ...addr, 'create', '--sync', 'localhost/a:2'])
  assert.deepEqual(sync, {
    code: 0,
    stdout: '',
    lines: [
      'level=info msg="Waiting task to be completed..."',
      'level=info msg="Task has been completed."',
    ],
  })
  // options behind the command, and with one dash as Go takes them
  const behind = await run(['task', 'create', 'localhost/a:3', '-sync', ...addr])
  assert.equal(behind.code, 0)
  assert.deepEqual(
    service.queue.list().tasks.map((task) => task.source),
    ['localhost/a:3', 'localhost/a:2', 'localhost/a:1'],
  )
})

test('an image named by digest alone is asked for, not passed over', async () => {
  await using service = await startTestService({ yaml: served })
  const addr = ['--addr', `127.0.0.1:${service.server.port}`, '--token', 't0k3n']
  const source = `localhost/a@sha256:${'0'.repeat(64)}`
  assert.equal((await run(['task', ...addr, 'create', source])).code, 0)
  assert.equal(service.queue.list().tasks[0]?.source, source)
})

test('C-42: tasks are listed as a table, under both names, or as JSON', async () => {
  await using service = await startTestService({ yaml: served })
  const task = ['task', '--addr', `http://127.0.0.1:${service.server.port}`]
  const environment = { ACCEL_TOKEN: 't0k3n' }
  await run([...task, 'create', '--sync', 'localhost/library/nginx:latest'], { environment })
  for (const name of ['list', 'ls']) {
    const { code, stdout, lines } = await run([...task, name], { environment })
    assert.deepEqual([code, lines], [0, ['']])
    const [head, row = ''] = stdout.split('\n')
    assert.equal(head, 'ID\t\t\t\t\tCREATED\t\t\tSTATUS\t\tSOURCE\t\t\t\tREASON')
    assert.match(
      row,
      /^[0-9a-f-]{36}\t\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\tCOMPLETED\tlocalhost\/library\/nginx:latest\t$/,
    )
  }
  const { stdout } = await run([...task, 'list', '--json'], { environment })
  const [listed] = JSON.parse(stdout) as { status: string; source_size: number }[]
  assert.deepEqual([listed?.status, listed?.source_size], ['COMPLETED', 0])
})

test('C-44: a missing image is said as upstream says it, with exit code 1', async () => {
  for (const argv of [
    ['task', 'create'],
    ['convert', '--config', config],
  ]) {
    const { code, lines } = await run(argv)
    assert.equal(code, 1)
    assert.match(
      lines[0] ?? '',
      /^level=fatal msg="source is required" code=CONFIG_ARGUMENT_MISSING /,
    )
  }
})

test('a refusal of the service is one line with code and next step, and fails', async () => {
  await using service = await startTestService({
    yaml: served,
    run: () => Promise.reject(new AccelError('CONTENT_NOT_FOUND', { what: 'a', where: 'b' })),
  })
  const addr = ['--addr', `127.0.0.1:${service.server.port}`]
  const refused = await run(['task', ...addr, 'ls'])
  assert.equal(refused.code, 1)
  assert.equal(refused.lines.length, 1)
  assert.match(
    refused.lines[0] ?? '',
    /^level=fatal msg="service response: invalid auth config" code=HTTP_SERVICE_UNAUTHORIZED hint="Give the webhook's header with --auth-header/,
  )
  const failed = await run(['task', ...addr, '--token', 't0k3n', 'create', '--sync', 'localhost/a'])
  assert.equal(failed.code, 1)
  assert.match(failed.lines[1] ?? '', /msg="service response: a is not in b"/)
  const unknown = await run(['task', ...addr, '--token', 't0k3n', 'create', 'elsewhere.example/a'])
  assert.match(unknown.lines[0] ?? '', /registry \\"elsewhere.example\\" is not configured/)
})

test('on a terminal the next step has a line of its own', async () => {
  const { lines } = await run(['task', '--addr', '127.0.0.1:1', 'ls'], {
    terminal: { columns: 80, rows: 24 },
    environment: { NO_COLOR: '1' },
  })
  assert.match(
    lines[0] ?? '',
    /^FATA\[TIME\] cannot reach the service at 127\.0\.0\.1:1: ECONNREFUSED {2}code=HTTP_SERVICE_UNREACHABLE$/,
  )
  assert.match(lines[1] ?? '', /^hint: Is acceld running\?/)
})

test('C-43, C-51: a conversion in a pipe is lines of the log', async () => {
  const conversions = fakeConversions()
  const { code, stdout, lines } = await run(
    ['convert', '--config', config, 'localhost/library/nginx:latest'],
    { conversions },
  )
  assert.deepEqual([code, stdout], [0, ''])
  assert.deepEqual(lines, [
    `level=warning msg="${config}:2: converter.wroker: unknown key, did you mean worker?"`,
    'level=info msg="pulling image localhost/library/nginx:latest" module=converter',
    'level=info msg="pulled image localhost/library/nginx:latest (cached 0/1), elapse 2ms" module=converter',
    'level=info msg="converting image localhost/library/nginx:latest" module=converter',
    'level=info msg="converted image localhost/library/nginx:latest-esgz (cached 0/1), elapse 3ms" module=converter',
    'level=info msg="pushing image localhost/library/nginx:latest-esgz" module=converter',
    'level=info msg="pushed image localhost/library/nginx:latest-esgz, elapse 4ms" module=converter',
  ])
  assert.deepEqual(conversions.requests, [{ source: 'localhost/library/nginx:latest' }])
  assert.equal(conversions.closed, true)
})

test('the report is JSON on standard output, and nothing else is there', async () => {
  const conversions = fakeConversions()
  const argv = ['convert', '--config', config, '--json', '--log-level', 'error']
  const { code, stdout, lines } = await run(
    [...argv, '--to', 'localhost/b:1', '--rule', 'default', 'localhost/a:1'],
    {
      conversions,
    },
  )
  assert.deepEqual([code, lines], [0, ['']])
  const report = JSON.parse(stdout) as { source: string; target: string; targetSize: number }
  assert.deepEqual(
    [report.source, report.target, report.targetSize],
    ['localhost/a:1', 'localhost/b:1', 72_351_744],
  )
  assert.deepEqual(conversions.requests, [
    { source: 'localhost/a:1', target: 'localhost/b:1', rule: 'default' },
  ])
})

test('a conversion on a terminal ends with what it came to, without colours where they are not wanted', async () => {
  const terminal = { columns: 100, rows: 30 }
  const environment = { NO_COLOR: '1' }
  const { lines } = await run(['convert', '--config', config, 'localhost/a:1'], {
    terminal,
    environment,
  })
  const table = lines.slice(-5, -3).map((line) => line.split(/\t+/))
  assert.deepEqual(table, [
    ['linux/amd64', 'SOURCE', 'RESULT', 'CHANGE', 'INDEX', 'ENTRIES'],
    ['1', '70.3 MB', '72.3 MB', '+3.0 %', '210 kB', '4045'],
  ])
  assert.equal(lines.at(-3), 'localhost/a:1-esgz')
  assert.match(lines.at(-2) ?? '', /^sha256:[0-9a-f]{64}$/)
  assert.equal(lines.at(-1), '70.3 MB -> 72.4 MB (+3.0 %) in 0:00')
  assert.doesNotMatch(lines.join(''), /\[\d+m/)
})

test('a conversion that fails names code and next step, and shows no secret', async () => {
  const conversions = fakeConversions(() =>
    Promise.reject(new AccelError('CONTENT_NOT_FOUND', { what: 'p4ssw0rd', where: 'it' })),
  )
  const { code, stdout, lines } = await run(['convert', '--config', config, 'localhost/a:1'], {
    conversions,
  })
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(
    lines.at(-1) ?? '',
    /^level=fatal msg="\*\*\* is not in it" code=CONTENT_NOT_FOUND hint=/,
  )
  assert.equal(conversions.closed, true)
})

test('a user who ends a conversion gets exit code 130', async () => {
  const controller = new AbortController()
  const conversions = fakeConversions(async (_, { signal }) => {
    controller.abort(interrupted('the command'))
    signal.throwIfAborted()
  })
  const { code, lines } = await run(['convert', '--config', config, 'localhost/a:1'], {
    conversions,
    signal: controller.signal,
  })
  assert.equal(code, 130)
  assert.match(lines.at(-1) ?? '', /the command was cancelled/)
})

test('a configuration that cannot be used is a failure with file and line', async () => {
  const strict = await run(['convert', '--config', config, '--strict-config', 'localhost/a:1'])
  assert.equal(strict.code, 1)
  assert.match(
    strict.lines[0] ?? '',
    /:2: converter\.wroker: unknown key, did you mean worker\?" code=CONFIG_INVALID/,
  )
  const missing = await run(['convert', '--config', join(folder, 'none.yaml'), 'localhost/a:1'])
  assert.match(missing.lines[0] ?? '', /code=CONFIG_UNREADABLE/)
})

test('help and version go to standard output, what is not understood fails', async () => {
  const help = await run(['--help'])
  assert.equal(help.code, 0)
  assert.match(help.stdout, /^Usage: accelctl/)
  assert.match((await run(['--version'])).stdout, /^accelctl version v\d+\.\d+\.\d+ /)
  assert.match((await run(['version'])).stdout, /^v\d+\.\d+\.\d+ \S+\.\S+\n$/)
  for (const argv of [['nonsense'], ['task', 'create', '--what'], ['convert', 'localhost/a']]) {
    const { code, stdout, lines } = await run(argv)
    assert.deepEqual([code, stdout], [1, ''], argv.join(' '))
    assert.match(lines[0] ?? '', /^error: /)
  }
})
