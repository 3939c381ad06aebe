import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { ConversionService } from '../convert/service.ts'
import { AccelError } from '../errors/accel-error.ts'
import { createLog } from '../log/log.ts'
import { fakeConversions } from '../testing/service/conversions.ts'
import { sendRequest, type Answer } from '../testing/service/send-request.ts'
import { recordOutput } from '../testing/service/recorded-output.ts'
import { runAcceld } from './acceld.ts'

const folder = mkdtempSync(join(tmpdir(), 'acceld-'))
after(() => rmSync(folder, { recursive: true }))

const yaml = `server: { host: 127.0.0.1, port: 0 }
metric: { enabled: true }
provider:
  source:
    localhost: { auth: ${Buffer.from('u:p4ssw0rd').toString('base64')}, webhook: { auth_header: header } }
  work_dir: ${folder}
converter: { worker: 1, driver: { type: estargz }, rules: [{ tag_suffix: -esgz }] }
`

let files = 0
function configFile(text = yaml): string {
  files += 1
  const file = join(folder, `config-${files}.yaml`)
  // each daemon has a work directory of its own
  writeFileSync(file, text.replace(/work_dir: .*/, `work_dir: ${join(folder, `work-${files}`)}`))
  return file
}

/** An acceld under way in this process. */
function start(argv: string[], conversions: ConversionService = fakeConversions()) {
  const stdout = recordOutput()
  const signals = new EventEmitter()
  const written = new EventEmitter()
  let text = ''
  const exit = runAcceld(argv, {
    stdout,
    stderr: {
      write(line: string) {
        text += line
        written.emit('line')
      },
    },
    environment: {},
    process: signals,
    openConversions: () => Promise.resolve(conversions),
  })
  const lines = (): string[] =>
    text
      .replaceAll(/time="[^"]+" | task=[\da-f-]{36}/g, '')
      .trimEnd()
      .split('\n')
  /** Waits for a line of the log. */
  const line = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = pattern.exec(text)
      if (found !== null) return found
      await once(written, 'line')
    }
  }
  return { exit, stdout, signals, lines, line }
}

async function serving(conversions: ConversionService = fakeConversions(), text = yaml) {
  const file = configFile(text)
  const daemon = start(['--config', file], conversions)
  const [, port] = await daemon.line(/HTTP server started on 127\.0\.0\.1:(\d+)/)
  const request = (path: string, body?: string): Promise<Answer> =>
    sendRequest(
      { port: Number(port) },
      {
        method: body === undefined ? 'GET' : 'POST',
        path,
        headers: { authorization: 'header', 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body }),
      },
    )
  const create = (source: string, query = ''): Promise<Answer> =>
    request(
      `/api/v1/conversions${query}`,
      JSON.stringify({
        type: 'PUSH_ARTIFACT',
        event_data: { resources: [{ resource_url: source }] },
      }),
    )
  return { ...daemon, file, request, create }
}

test('a configuration file is checked without starting anything', async () => {
  const stdout = recordOutput()
  const example = join(import.meta.dirname, '../../misc/config/config.yaml')
  const code = await runAcceld(['config', 'check', example, '--fail-on', 'error'], {
    stdout,
    stderr: recordOutput(),
    environment: {},
    process: new EventEmitter(),
    openConversions: () => Promise.reject(new Error('nothing is opened')),
  })
  assert.equal(code, 0)
  assert.match(stdout.text, /config\.yaml can be used/)
})

test('C-40: the first line is the version; a conversion logs its steps; a signal ends the service', async () => {
  const conversions = fakeConversions()
  const { exit, signals, lines, create, request } = await serving(conversions)
  const digest = `sha256:${'1'.repeat(64)}`
  const answer = await create(`localhost/a:1@${digest}`, '?sync=true')
  assert.equal(answer.body, '"Ok"\n')
  assert.deepEqual(conversions.requests, [
    { source: `localhost/a:1@${digest}`, digest, rule: 'default' },
  ])
  const metrics = (await request('/metrics')).body
  assert.match(metrics, /^acceleration_service_core_conversions_op_total\{op="convert"\} 1$/m)
  assert.match(metrics, /op_duration_seconds_count\{op="convert"\} 1$/m)
  const [task] = JSON.parse((await request('/api/v1/conversions')).body) as Record<
    string,
    unknown
  >[]
  assert.deepEqual([task?.['source_size'], task?.['target_size']], [70_254_592, 72_351_744])
  signals.emit('SIGTERM')
  assert.equal(await exit, 0)
  assert.equal(conversions.closed, true)
  const said = lines()
  assert.match(said[0] ?? '', /^level=info msg="Version: v\d+\.\d+\.\d+ \S+\.\S+"$/)
  assert.match(said[1] ?? '', /^level=info msg="\[API\] HTTP server started on 127\.0\.0\.1:\d+"$/)
  assert.ok(
    said.some((line) => /^level=info msg="pulling image .*" module=converter$/.test(line)),
    said.join('\n'),
  )
  assert.ok(said.includes('level=info msg="[API] gracefully shutting down http server..."'))
  assert.doesNotMatch(said.join('\n'), /level=(error|fatal)/)
  assert.equal(signals.eventNames().length, 0)
})

test('a stop cancels what runs and waits, answers who waits, and takes nothing new', async () => {
  const started = Promise.withResolvers<void>()
  const conversions = fakeConversions(async (_, { signal }) => {
    started.resolve()
    await once(signal, 'abort')
    throw new Error('socket closed')
  })
  const { exit, signals, create, line, lines } = await serving(conversions)
  const running = create('localhost/a:1', '?sync=true')
  await started.promise
  const waiting = create('localhost/b:1', '?sync=true')
  await line(/received webhook request[^]*received webhook request/)
  // the second order is in the queue once the service has answered a request that came after it
  await create('localhost/b:1')
  signals.emit('SIGINT')
  for (const [answer, source] of [
    [await running, 'localhost/a:1'],
    [await waiting, 'localhost/b:1'],
  ] as const) {
    assert.equal(answer.status, 500)
    assert.equal(
      answer.body,
      `{"code":"ERR_CONVERT_FAILED","message":"conversion of ${source} was interrupted, since the service is stopping; it goes on when the service runs again"}\n`,
    )
  }
  assert.equal(await exit, 0)
  assert.doesNotMatch(lines().join('\n'), /level=(error|fatal)/)
  await assert.rejects(create('localhost/c:1'), /ECONNREFUSED/)
})

test('a damaged database is moved aside, and the service says so and serves', async () => {
  const file = configFile()
  const path = join(folder, `work-${files}`, 'accel.db')
  mkdirSync(join(folder, `work-${files}`))
  writeFileSync(path, 'this was a database once, and is long enough for one'.repeat(200))
  const daemon = start(['--config', file])
  const [, port] = await daemon.line(/HTTP server started on 127\.0\.0\.1:(\d+)/)
  const { body } = await sendRequest({ port: Number(port) }, { method: 'GET', path: '/metrics' })
  assert.match(body, /^acceleration_service_core_damaged_databases 1$/m)
  daemon.signals.emit('SIGTERM')
  assert.equal(await daemon.exit, 0)
  const said = daemon.lines().join('\n')
  assert.match(
    said,
    /level=error msg="the database .*accel\.db is damaged: file is not a database"/,
  )
  assert.match(said, /level=error msg="the damaged database was moved to .*accel\.db\.damaged-/)
})

test('a second signal does not wait for the stop', async () => {
  const started = Promise.withResolvers<void>()
  const end = Promise.withResolvers<void>()
  const stubborn = fakeConversions(() => {
    started.resolve()
    return end.promise
  })
  const { exit, signals, create } = await serving(stubborn)
  await create('localhost/a:1')
  await started.promise
  signals.emit('SIGTERM')
  signals.emit('SIGTERM')
  assert.equal(await exit, 143)
  end.resolve()
})

test('SIGHUP: the file is read again; a header, rules and the level of the log are those of the file from then on', async () => {
  const conversions = fakeConversions()
  const { exit, signals, lines, line, create, request, file } = await serving(conversions)
  const before = readFileSync(file, 'utf8')
  const changed = before
    .replace('auth_header: header', 'auth_header: fresh')
    .replace('port: 0', 'port: 1')
    .replace('tag_suffix: -esgz', 'tag_suffix: -new')
  writeFileSync(file, `${changed}\nlog: { level: warning }\n`)
  signals.emit('SIGHUP')
  await line(/in effect only after a restart: server\.port/)
  assert.equal(conversions.configs.length, 1)
  assert.equal(conversions.configs[0]?.converter.rules[0]?.tagSuffix, '-new')
  assert.equal((await create('localhost/a:1')).status, 401)
  assert.ok(!lines().some((text) => text.includes('received webhook request')))
  assert.ok(!lines().some((text) => text.includes('fresh')))
  writeFileSync(file, before)
  signals.emit('SIGHUP')
  await line(
    /in effect from now on: log\.level, provider\.source\.localhost\.webhook\.auth_header, converter\.rules/,
  )
  assert.equal((await request('/api/v1/conversions')).status, 200)
  signals.emit('SIGTERM')
  assert.equal(await exit, 0)
})

test('SIGHUP: a file that cannot be used changes nothing and says why; a stray rejection ends nothing', async () => {
  const conversions = fakeConversions()
  const { exit, signals, line, request, file } = await serving(conversions)
  writeFileSync(file, 'converter: { worker: 0 }')
  signals.emit('SIGHUP')
  await line(/level=error msg="the configuration stays as it was: .*worker count should be greater/)
  assert.deepEqual(conversions.configs, [])
  assert.equal((await request('/api/v1/conversions')).status, 200)
  signals.emit('unhandledRejection', new Error('stray'))
  assert.equal((await request('/api/v1/health')).body, 'Ok')
  signals.emit('SIGTERM')
  assert.equal(await exit, 0)
  await line(/level=error msg="a defect of the program[^\n]*error=stray stack=/)
})

test('with a time to drain, what runs ends before the service does', async () => {
  const release = Promise.withResolvers<void>()
  const conversions = fakeConversions(() => release.promise)
  const text = yaml.replace('port: 0', 'port: 0, drain_timeout: 600')
  const { exit, signals, create, line, request } = await serving(conversions, text)
  const answer = create('localhost/a:1', '?sync=true')
  await line(/converting image/)
  signals.emit('SIGTERM')
  await line(/gracefully shutting down/)
  await assert.rejects(request('/api/v1/health'))
  release.resolve()
  assert.equal((await answer).body, '"Ok"\n')
  assert.equal(await exit, 0)
})

test('every line of a task carries its id, those of parts that know nothing of tasks as well', async () => {
  const written: string[] = []
  const elsewhere = createLog({ write: (line) => written.push(line) })
  const conversions = fakeConversions(async () => {
    await setImmediate()
    elsewhere.info('deep inside')
  })
  const { exit, signals, create } = await serving(conversions)
  await create('localhost/a:1', '?sync=true')
  assert.match(written.join(''), /msg="deep inside" task=[0-9a-f-]{36}\n$/)
  signals.emit('SIGTERM')
  assert.equal(await exit, 0)
})

test('a conversion that fails is logged with its code, and the service goes on', async () => {
  let count = 0
  const conversions = fakeConversions(() => {
    count += 1
    if (count === 1) throw new AccelError('CONTENT_NOT_FOUND', { what: 'p4ssw0rd', where: 'it' })
    if (count === 2) throw new TypeError('undefined is not a function')
    return Promise.resolve()
  })
  const { exit, signals, create, lines } = await serving(conversions)
  const first = await create('localhost/a:1', '?sync=true')
  assert.equal(first.body, '{"code":"ERR_CONVERT_FAILED","message":"*** is not in it"}\n')
  assert.equal((await create('localhost/a:1', '?sync=true')).status, 500)
  assert.equal((await create('localhost/a:1', '?sync=true')).status, 200)
  signals.emit('SIGTERM')
  assert.equal(await exit, 0)
  const said = lines().filter((text) => text.startsWith('level=error'))
  assert.equal(said.length, 2)
  assert.match(said[0] ?? '', /msg="convert in worker: \*\*\* is not in it" code=CONTENT_NOT_FOUND/)
  assert.match(said[1] ?? '', /undefined is not a function" code=TASK_DEFECT stack="TypeError/)
})

test('what an operator should know stands at the start of the log', async () => {
  const open = yaml
    .replace('port: 0', 'port: 0, allow_unauthenticated: true')
    .replace('webhook: { auth_header: header }', 'insecure: true')
  const { exit, signals, lines } = await serving(fakeConversions(), open)
  signals.emit('SIGTERM')
  await exit
  const warnings = lines().filter((line) => line.startsWith('level=warning'))
  assert.match(
    warnings[0] ?? '',
    /allow_unauthenticated is on: WHOEVER CAN REACH THIS PORT .* of localhost"/,
  )
  assert.match(warnings[1] ?? '', /certificate of localhost is not verified/)
})

test('registries whose requests will all be refused are named at the start', async () => {
  const closed = yaml.replace(', webhook: { auth_header: header }', '')
  const { exit, signals, lines } = await serving(fakeConversions(), closed)
  signals.emit('SIGTERM')
  await exit
  assert.match(
    lines().join('\n'),
    /level=warning msg="requests for localhost will be refused: set webhook\.auth_header/,
  )
})

test('an unhealthy work directory is told', async () => {
  const { exit, signals, request } = await serving()
  rmSync(join(folder, `work-${files}`), { recursive: true })
  const answer = await request('/api/v1/health')
  assert.equal(answer.status, 500)
  assert.match(answer.body, /^\{"code":"ERR_UNHEALTHY","message":"ENOENT[^"]*\/work-\d+/)
  signals.emit('SIGTERM')
  await exit
})

test('a start that fails says why in one line, with code and hint, and fails', async () => {
  const failed = async (argv: string[]): Promise<[number, string]> => {
    const { exit, lines } = start(argv)
    return [await exit, lines().at(-1) ?? '']
  }
  const [missing, why] = await failed(['--config', join(folder, 'none.yaml')])
  assert.equal(missing, 1)
  assert.match(
    why,
    /^level=fatal msg="cannot read .*none\.yaml: ENOENT" code=CONFIG_UNREADABLE hint=/,
  )
  const [unsuffixed, suffix] = await failed(['--config', configFile(yaml.replace('-esgz', '""'))])
  assert.equal(unsuffixed, 1)
  assert.match(suffix, /no rule has a tag_suffix/)
  const typo = configFile(`${yaml}servr: {}\n`)
  assert.match(
    (await failed(['--config', typo, '--strict-config']))[1],
    /servr: unknown key, did you mean server\?/,
  )
})

test('a port that is taken ends the start and closes what was opened', async () => {
  const first = await serving()
  const [, port] = await first.line(/127\.0\.0\.1:(\d+)/)
  const conversions = fakeConversions()
  const second = start(
    ['--config', configFile(yaml.replace('port: 0', `port: ${port}`))],
    conversions,
  )
  assert.equal(await second.exit, 1)
  assert.match(second.lines().at(-1) ?? '', /EADDRINUSE" code=HTTP_LISTEN_FAILED/)
  assert.equal(conversions.closed, true)
  first.signals.emit('SIGTERM')
  await first.exit
})

test('--version and --help go to standard output; no configuration is an error', async () => {
  const version = start(['--version'])
  assert.equal(await version.exit, 0)
  assert.match(version.stdout.text, /^acceld version v\d+\.\d+\.\d+ /)
  const help = start(['-help'])
  assert.equal(await help.exit, 0)
  assert.match(help.stdout.text, /--config <file>/)
  const none = start([])
  assert.equal(await none.exit, 1)
  assert.match(none.lines()[0] ?? '', /required option '--config <file>' not specified/)
})
