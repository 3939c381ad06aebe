/** `accelctl task …` against a real service. */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { parse } from 'yaml'
import type { WireTaskDetail } from '../../api/contract.ts'
import { AccelError } from '../../errors/accel-error.ts'
import { scriptRun, type ScriptedRun } from '../../testing/scripted-run.ts'
import { startTestService, type TestService } from '../../testing/service/http-service.ts'
import { recordOutput } from '../../testing/service/recorded-output.ts'
import { settled } from '../../testing/settled.ts'
import { runAccelctl } from '../accelctl.ts'

const yaml = `server: { host: 127.0.0.1, port: 0, api_token: t0k3n }
provider: { source: { localhost: {}, other.test: {} } }
converter: { worker: 2, driver: { type: estargz }, rules: [{ tag_suffix: -esgz }] }
`

const open: Server[] = []
after(() => {
  for (const server of open) server.close()
})

/** Runs `accelctl task`; lines of the log come without their times. */
async function run(address: string, argv: string[], terminal?: { columns: number; rows: number }) {
  const stdout = recordOutput()
  const stderr = recordOutput(terminal)
  const io = {
    stdout,
    stderr,
    environment: { ACCEL_TOKEN: 't0k3n', NO_COLOR: '1' },
    signal: new AbortController().signal,
  }
  const openConversions = () => Promise.reject(new Error('nothing is converted here'))
  const code = await runAccelctl(['task', '--addr', address, ...argv], io, { openConversions })
  const lines = stderr.text
    .replaceAll(/time="[^"]+" /g, '')
    .trimEnd()
    .split('\n')
  return { code, stdout: stdout.text, lines, screen: stderr.text }
}

interface Started extends AsyncDisposable {
  service: TestService
  runs: ScriptedRun
  address: string
  /** Has an image converted and returns the id of its task. */
  order(source: string): Promise<string>
}

async function start(): Promise<Started> {
  const runs = scriptRun()
  const service = await startTestService({ yaml, run: runs.run })
  return {
    service,
    runs,
    address: `127.0.0.1:${service.server.port}`,
    async order(source) {
      const host = source.split('/')[0] ?? ''
      const { task } = await service.queue.submit({ source, host, lane: source })
      await settled()
      return task.id
    },
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  }
}

/** Waits until a run of `source` has begun. */
async function begun({ runs }: Started, source: string): Promise<void> {
  while (!runs.started.includes(source)) await new Promise((resolve) => setImmediate(resolve))
}

test('a list is restricted, and printed as a table, JSON or YAML', async () => {
  await using started = await start()
  const { address, order, runs } = started
  await order('localhost/a:1')
  await order('other.test/b:1')
  runs.end('localhost/a:1')
  await settled()
  const sources = async (...argv: string[]): Promise<string[]> => {
    const { stdout, code } = await run(address, ['list', '-o', 'json', ...argv])
    assert.equal(code, 0)
    return (JSON.parse(stdout) as { source: string }[]).map(({ source }) => source)
  }
  assert.deepEqual(await sources(), ['other.test/b:1', 'localhost/a:1'])
  assert.deepEqual(await sources('--status', 'COMPLETED'), ['localhost/a:1'])
  assert.deepEqual(await sources('--registry', 'other.test'), ['other.test/b:1'])
  assert.deepEqual(await sources('--source', 'a:1', '--since', '2020-01-01'), ['localhost/a:1'])
  assert.deepEqual(await sources('--limit', '1'), ['other.test/b:1'])
  const listed = await run(address, ['list', '--output', 'yaml'])
  assert.equal((parse(listed.stdout) as { status: string }[])[1]?.status, 'COMPLETED')
  const table = await run(address, ['ls'])
  // scripts take the status from the fourth word
  const words = table.stdout.split('\n').map((line) => line.split(/\s+/)[3])
  assert.deepEqual(words.slice(1, 3), ['PROCESSING', 'COMPLETED'])
  const refused = await run(address, ['list', '--status', 'done'])
  assert.equal(refused.code, 1)
  assert.match(
    refused.lines[0] ?? '',
    /query parameter status: \\"done\\" is not one of PROCESSING/,
  )
  assert.equal((await run(address, ['list', '-o', 'xml'])).code, 1)
})

test('one task is shown with its history', async () => {
  await using started = await start()
  const { address, order, runs } = started
  const id = await order('localhost/a:1')
  runs.fail('localhost/a:1', new AccelError('CONTENT_NOT_FOUND', { what: 'x', where: 'y' }))
  await settled()
  const { stdout } = await run(address, ['get', id])
  assert.match(stdout, new RegExp(`^ID\\t+${id}$`, 'm'))
  assert.match(stdout, /^STATE\t+failed$/m)
  assert.match(stdout, /^CODE\t+CONTENT_NOT_FOUND$/m)
  assert.match(stdout, /^TIME\t+EVENT\t+MESSAGE$/m)
  assert.match(stdout, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\tfailed\t+/m)
  const json = await run(address, ['get', id, '-o', 'json'])
  const got = JSON.parse(json.stdout) as WireTaskDetail & { history: { type: string }[] }
  assert.deepEqual([got.id, got.history[0]?.type], [id, 'queued'])
  const unknown = await run(address, ['get', 'nothing'])
  assert.equal(unknown.code, 1)
  assert.match(unknown.lines[0] ?? '', /service response: there is no task nothing/)
})

test('watch tells what happens until the end, and fails when the conversion does', async () => {
  await using started = await start()
  const { address, order, runs } = started
  const good = await order('localhost/a:1')
  const watched = run(address, ['watch', good, '--output', 'json'])
  runs.end('localhost/a:1')
  const { code, stdout, lines } = await watched
  assert.equal(code, 0)
  assert.equal((JSON.parse(stdout) as WireTaskDetail).state, 'completed')
  assert.equal(lines[0], 'level=info msg=queued')
  assert.match(lines.at(-1) ?? '', /^level=info msg=completed/)
  const bad = await order('localhost/b:1')
  runs.fail('localhost/b:1', new AccelError('CONTENT_NOT_FOUND', { what: 'x', where: 'y' }))
  const failed = await run(address, ['watch', bad])
  assert.equal(failed.code, 1)
  assert.match(
    failed.lines.at(-1) ?? '',
    /^level=fatal msg="service response: x is not in y" code=HTTP_SERVICE_ANSWER/,
  )
})

test('watch of a task that somebody cancels ends with exit code 3', async () => {
  await using started = await start()
  const { address, order } = started
  const id = await order('localhost/a:1')
  const watched = run(address, ['watch', id])
  const cancelled = await run(address, ['cancel', id])
  assert.equal(cancelled.code, 0)
  assert.match(cancelled.stdout, /FAILED\t+localhost\/a:1\t/)
  const { code, lines } = await watched
  assert.equal(code, 3)
  assert.match(lines.at(-1) ?? '', /code=HTTP_SERVICE_TASK_ENDED/)
  assert.match((await run(address, ['retry', id])).stdout, /PROCESSING/)
})

test('watch goes on where a broken connection left off', async () => {
  await using started = await start()
  const { address, order, runs } = started
  const id = await order('localhost/a:1')
  const [, port] = address.split(':')
  const seen: (string | undefined)[] = []
  // a proxy whose connections break after the first answer's first event
  const proxy = createServer((incoming, outgoing) => {
    const resumed = incoming.headers['last-event-id'] as string | undefined
    seen.push(resumed)
    if (seen.length === 2) {
      outgoing.writeHead(502).end('<html>Bad Gateway</html>')
      runs.end('localhost/a:1')
      return
    }
    fetch(`http://127.0.0.1:${port}${incoming.url}`, {
      headers: {
        authorization: incoming.headers.authorization ?? '',
        accept: incoming.headers.accept ?? '',
        ...(resumed === undefined ? {} : { 'last-event-id': resumed }),
      },
    })
      .then(async (answer) => {
        outgoing.writeHead(answer.status, { 'content-type': 'text/event-stream' })
        for await (const piece of answer.body ?? []) {
          outgoing.write(piece)
          if (seen.length === 1) return void setImmediate(() => outgoing.destroy())
        }
        return outgoing.end()
      })
      .catch(() => outgoing.destroy())
  })
  open.push(proxy)
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const through = `127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const { code, lines } = await run(through, ['watch', id])
  assert.equal(code, 0, lines.join('\n'))
  assert.deepEqual([seen[0], seen[1], seen[2]], [undefined, '2', '2'])
  assert.equal(lines.filter((line) => line === 'level=info msg=queued').length, 1)
  assert.match(lines.join('\n'), /level=warning msg="cannot reach .*; trying again"/)
  assert.match(lines.at(-1) ?? '', /^level=info msg=completed/)
})

test('create --sync follows the task, and fails as upstream does', async () => {
  await using started = await start()
  const { address, runs } = started
  const created = run(address, ['create', '--sync', 'localhost/a:1', '-o', 'json'])
  await begun(started, 'localhost/a:1')
  runs.end('localhost/a:1')
  const { code, lines, stdout } = await created
  assert.deepEqual(
    [code, lines],
    [
      0,
      [
        'level=info msg="Waiting task to be completed..."',
        'level=info msg="Task has been completed."',
      ],
    ],
  )
  const { tasks } = JSON.parse(stdout) as { tasks: WireTaskDetail[] }
  assert.equal(tasks[0]?.state, 'completed')
  const failing = run(address, ['create', '--sync', 'localhost/b:1'])
  await begun(started, 'localhost/b:1')
  runs.fail('localhost/b:1', new AccelError('CONTENT_NOT_FOUND', { what: 'x', where: 'y' }))
  const failed = await failing
  assert.equal(failed.code, 1)
  assert.match(failed.lines.at(-1) ?? '', /msg="service response: x is not in y"/)
})

test('create says what is not converted, and why', async () => {
  await using started = await start()
  const source = `localhost/a:sha256-${'0'.repeat(64)}.sig`
  const { code, lines } = await run(started.address, ['create', source])
  assert.equal(code, 0)
  assert.deepEqual(lines, [
    `level=warning msg="${source} is not converted: its tag says that it belongs to another image"`,
  ])
})

test('create and list work with upstream’s service, which knows neither Prefer nor more members', async () => {
  const upstream = createServer((incoming, outgoing) => {
    incoming.resume()
    outgoing.writeHead(200, { 'content-type': 'application/json' })
    outgoing.end(
      incoming.method === 'POST'
        ? '"Ok"\n'
        : '[{"id":"5bdf7e80-1f1e-461f-a50d-f41d27434662","created":"2022-04-06T06:45:11.832Z","finished":"0001-01-01T00:00:00Z","source":"a:1","source_size":0,"target_size":0,"status":"PROCESSING","reason":""}]\n',
    )
  })
  open.push(upstream)
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const address = `127.0.0.1:${(upstream.address() as AddressInfo).port}`
  const created = await run(address, ['create', '--sync', 'localhost/a:1'])
  assert.deepEqual([created.code, created.lines.length], [0, 2])
  assert.match((await run(address, ['ls'])).stdout, /2022-04-06 06:45:11\tPROCESSING\ta:1/)
})

test('delete forgets tasks that have ended, and refuses others', async () => {
  await using started = await start()
  const { address, order, runs, service } = started
  const id = await order('localhost/a:1')
  const refused = await run(address, ['delete', id])
  assert.equal(refused.code, 1)
  assert.match(refused.lines[0] ?? '', /only a task that has ended can be deleted/)
  runs.end('localhost/a:1')
  await settled()
  assert.equal((await run(address, ['rm', id])).code, 0)
  assert.deepEqual(service.queue.list().tasks, [])
})
