import assert from 'node:assert/strict'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { test } from 'node:test'
import type { WireEvents, WireProgress } from '../../api/contract.ts'
import { decodeEvents, type ServerEvent } from '../../api/sse.ts'
import { scriptRun } from '../../testing/scripted-run.ts'
import type { Task, TaskEvent } from '../../tasks/task.ts'
import { startTestService, type TestService } from '../../testing/service/http-service.ts'
import { settled } from '../../testing/settled.ts'
import { TaskFeed } from './task-feed.ts'

const yaml = `server: { host: 127.0.0.1, port: 0, api_token: t0k3n }
provider:
  source:
    one.test: { webhook: { auth_header: Bearer one } }
    two.test: { webhook: { auth_header: Bearer two } }
converter: { worker: 2, driver: { type: estargz }, rules: [{ tag_suffix: -esgz }] }
`

/** A client of a stream. */
interface Follower extends AsyncDisposable {
  response: IncomingMessage
  /** The next event; undefined at the end. */
  next(): Promise<ServerEvent | undefined>
  /** The next events, as names and what `show` makes of them, up to the first that `last` accepts. */
  until(last: (event: ServerEvent) => boolean): Promise<ServerEvent[]>
}

async function follow(
  service: TestService,
  path: string,
  headers: Record<string, string> = {},
): Promise<Follower> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpRequest(
      {
        ...service.where,
        path,
        agent: false,
        headers: { authorization: 'Bearer t0k3n', accept: 'text/event-stream', ...headers },
      },
      resolve,
    )
    request.on('error', reject)
    request.end()
  })
  const events = decodeEvents(response.setEncoding('utf8') as AsyncIterable<string>)
  const next = async (): Promise<ServerEvent | undefined> => (await events.next()).value
  return {
    response,
    next,
    async until(last) {
      const seen: ServerEvent[] = []
      for (;;) {
        const event = await next()
        if (event === undefined) return seen
        seen.push(event)
        if (last(event)) return seen
      }
    },
    async [Symbol.asyncDispose]() {
      // what is read ends by itself, so that closing it is no failure of anybody's
      response.destroy()
      await events.return(undefined).catch(() => undefined)
    },
  }
}

const order = async (service: TestService, source: string): Promise<string> => {
  const host = source.split('/')[0] ?? ''
  const { task } = await service.queue.submit({ source, host, lane: source })
  return task.id
}

const told = <Name extends keyof WireEvents>(event: ServerEvent | undefined, name: Name) => {
  assert.equal(event?.name, name)
  return JSON.parse(event?.data ?? '') as WireEvents[Name]
}

const progress = (readBytes: number) => ({
  phase: 'convert' as const,
  layers: 1,
  layersDone: 0,
  sourceBytes: 100,
  readBytes,
  writtenBytes: 0,
  pushedBytes: 0,
})

test('one task: its history, the task, what becomes of it, and the end', async () => {
  const runs = scriptRun()
  await using service = await startTestService({ yaml, run: runs.run, feed: { progressMs: 1 } })
  const id = await order(service, 'one.test/a:1')
  await settled()
  await using client = await follow(service, `/api/v1/conversions/${id}/events`)
  assert.equal(client.response.headers['content-type'], 'text/event-stream')
  assert.equal(client.response.headers['cache-control'], 'no-store')
  const first = await client.until(({ name }) => name === 'task')
  assert.deepEqual(
    first.map(({ name, id: number, data }) => [
      name,
      number,
      (JSON.parse(data) as { type?: string; state?: string }).type ??
        (JSON.parse(data) as { state?: string }).state,
    ]),
    [
      ['record', '1', 'queued'],
      ['record', '2', 'started'],
      ['task', undefined, 'running'],
    ],
  )
  runs.init('one.test/a:1').progress(progress(42))
  const moved = await client.until(({ name }) => name === 'progress')
  assert.equal(told(moved.at(-1), 'progress').read_bytes, 42)
  runs.end('one.test/a:1')
  const rest = await client.until(() => false)
  assert.equal(told(rest.at(-1), 'task').state, 'completed')
  const completed = rest.findLast(({ name }) => name === 'record')
  assert.equal(told(completed, 'record').type, 'completed')
  assert.equal(completed?.id, String(service.queue.events(id).length))
})

test('one task: who comes back goes on behind what it has seen, and stays away at the end', async () => {
  const runs = scriptRun()
  await using service = await startTestService({ yaml, run: runs.run })
  const id = await order(service, 'one.test/a:1')
  await settled()
  const path = `/api/v1/conversions/${id}/events`
  {
    await using client = await follow(service, path)
    await client.until(({ name }) => name === 'task')
  }
  runs.end('one.test/a:1')
  await settled()
  await using again = await follow(service, path, { 'last-event-id': '2' })
  const rest = await again.until(() => false)
  assert.deepEqual(
    rest.map(({ name, id: number }) => [name, number]),
    [
      ['record', '3'],
      ['task', undefined],
    ],
  )
  const answer = await service.send({
    path,
    headers: {
      authorization: 'Bearer t0k3n',
      accept: 'text/event-stream',
      'last-event-id': '3',
    },
  })
  assert.deepEqual([answer.status, answer.body], [204, ''])
})

test('all tasks: each change once, of the registries that the caller may see', async () => {
  const runs = scriptRun()
  await using service = await startTestService({ yaml, run: runs.run })
  await using client = await follow(service, '/api/v1/events', { authorization: 'Bearer one' })
  await order(service, 'two.test/b:1')
  await order(service, 'one.test/a:1')
  await settled()
  runs.end('two.test/b:1')
  runs.end('one.test/a:1')
  const seen = await client.until(
    ({ data }) => (JSON.parse(data) as { state?: string }).state === 'completed',
  )
  assert.deepEqual(
    seen.map((event) => {
      const { source, state } = told(event, 'task')
      return [source, state]
    }),
    [
      ['one.test/a:1', 'waiting'],
      ['one.test/a:1', 'running'],
      ['one.test/a:1', 'completed'],
    ],
  )
})

test('all tasks: who comes back is sent what it missed, or told that this is not known any more', async () => {
  await using service = await startTestService({ yaml, feed: { keep: 4 } })
  let last: string | undefined
  {
    await using client = await follow(service, '/api/v1/events')
    await order(service, 'one.test/a:1')
    const seen = await client.until(({ name }) => name === 'task')
    last = seen.at(-1)?.id
  }
  await settled()
  const resume = async (id: string): Promise<ServerEvent[]> => {
    await using client = await follow(service, '/api/v1/events', { 'last-event-id': id })
    await order(service, `one.test/marker:${Math.random()}`)
    return await client.until(({ data }) => data.includes('marker'))
  }
  const missed = await resume(last ?? '')
  assert.deepEqual(
    missed.slice(0, 2).map((event) => told(event, 'task').state),
    ['running', 'completed'],
  )
  for (const unknown of [last ?? '', '0123456789ab-1', 'nonsense']) {
    await settled()
    const [first] = await resume(unknown)
    assert.deepEqual(told(first, 'reset'), {})
  }
})

test('progress tells of the layers that are worked on, and of no other', async () => {
  const runs = scriptRun()
  await using service = await startTestService({ yaml, run: runs.run, feed: { progressMs: 1 } })
  await order(service, 'one.test/a:1')
  await settled()
  await using client = await follow(service, '/api/v1/events')
  const states = ['converted', ...Array<'converting'>(20).fill('converting'), 'waiting'] as const
  const layer = { platform: 'linux/amd64', digest: 'sha256:5e', size: 5, read: 4, written: 3 }
  const each = states.map((state, i) => ({ ...layer, index: i + 1, state, pushed: 0 }))
  runs.init('one.test/a:1').progress({ ...progress(42), each })
  const { active } = told(
    (await client.until(({ name }) => name === 'progress')).at(-1),
    'progress',
  )
  assert.deepEqual(
    [active.length, active[0]],
    [16, { ...layer, index: 2, state: 'converting', pushed: 0 }],
  )
})

test('progress is told as it is by then, not each step of it', async () => {
  const runs = scriptRun()
  await using service = await startTestService({ yaml, run: runs.run, feed: { progressMs: 1 } })
  await order(service, 'one.test/a:1')
  await settled()
  await using client = await follow(service, '/api/v1/events')
  const { progress: tell } = runs.init('one.test/a:1')
  for (let read = 0; read <= 1000; read += 1) tell(progress(read))
  const seen = await client.until(
    ({ data }) => (JSON.parse(data) as WireProgress).read_bytes === 1000,
  )
  assert.ok(seen.length < 10, `${seen.length} events`)
})

test('a silent stream shows that it lives', async () => {
  await using service = await startTestService({ yaml, feed: { heartbeatMs: 5 } })
  const { port } = service.where as { port: number }
  const text = await new Promise<string>((resolve) => {
    let seen = ''
    const request = httpRequest(
      { port, path: '/api/v1/events', agent: false, headers: { authorization: 'Bearer t0k3n' } },
      (response) => {
        response.setEncoding('utf8').on('data', (piece: string) => {
          seen += piece
          if (!seen.includes(':\n\n:\n\n')) return
          request.destroy()
          resolve(seen)
        })
      },
    )
    request.on('error', () => undefined)
    request.end()
  })
  assert.match(text, /^retry: 2000\n\n:\n\n:\n\n/)
})

test('a client that does not read is cut off, and nobody else', async () => {
  const listeners: ((event: TaskEvent) => void)[] = []
  const feed = new TaskFeed({
    subscribe(listener) {
      listeners.push(listener)
      return () => undefined
    },
    get: () => task,
    events: () => [],
  })
  const cut = new AbortController()
  const slow = feed.all({ lastEventId: undefined, cutOff: () => cut.abort() }, () => true)
  const reader = feed.all({ lastEventId: undefined, cutOff: () => assert.fail() }, () => true)
  const read = reader.body!.getReader()
  let sent = 0
  while (!cut.signal.aborted) {
    for (const listener of listeners) listener({ type: 'started', task })
    sent += (await read.read()).value?.length ?? 0
  }
  // what is held for one client: a quarter of a MiB
  assert.ok(sent > 200_000 && sent < 400_000, `${sent} bytes`)
  for (const listener of listeners) listener({ type: 'started', task })
  assert.match(new TextDecoder().decode((await read.read()).value), /one\.test\/a:1/)
  feed.close()
  assert.ok(slow.body !== null)
})

const task: Task = {
  id: '5bdf7e80-1f1e-461f-a50d-f41d27434662',
  state: 'running',
  created: 0,
  attempts: 1,
  interruptions: 0,
  source: 'one.test/a:1',
  host: 'one.test',
  lane: 'one.test/a:1',
}

test('streams are limited in number, and end with the service', async () => {
  await using service = await startTestService({ yaml, feed: { maxStreams: 2 } })
  const first = await follow(service, '/api/v1/events')
  await using second = await follow(service, '/api/v1/events')
  const refused = await service.send({
    path: '/api/v1/events',
    headers: { authorization: 'Bearer t0k3n' },
  })
  assert.equal(refused.status, 503)
  assert.match(refused.body, /"code":"HTTP_STREAMS_FULL"/)
  await first[Symbol.asyncDispose]()
  const ended = second.until(() => false)
  await service.server.stop({ deadlineMs: 60_000 })
  assert.deepEqual(await ended, [])
})
