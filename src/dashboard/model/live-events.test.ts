import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeEvent } from '../../api/sse.ts'
import { followAllTasks } from './live-events.ts'
import { ServiceError } from './service.ts'

/** A connection that says `text` and breaks. */
function saying(text: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      if (text === '') controller.error(new Error('cut'))
      else controller.enqueue(new TextEncoder().encode(text))
      text = ''
    },
  })
}

const taskEvent = (id: string): string =>
  encodeEvent({ name: 'task', data: JSON.stringify({ id }), id: `run-${id}` })

/** Follows connections, each a stream or what the attempt throws, and writes down what is heard. */
async function follow(connections: (ReadableStream<Uint8Array> | Error)[]): Promise<string[]> {
  const heard: string[] = []
  const stop = new AbortController()
  await followAllTasks({
    signal: stop.signal,
    service: {
      events(after) {
        heard.push(`connect ${after}`.trim())
        const next = connections.shift()
        if (next === undefined) stop.abort()
        return next instanceof ReadableStream ? Promise.resolve(next) : Promise.reject(next)
      },
    },
    onState: ({ state }) => heard.push(state),
    onGap: () => heard.push('list'),
    onTask: ({ id }) => heard.push(`task ${id}`),
    onProgress: ({ id }) => heard.push(`progress ${id}`),
    async pause(ms) {
      heard.push(`pause ${ms}`)
    },
  })
  return heard.filter((what) => what !== 'connecting')
}

test('a connection that breaks goes on behind the last event, without another list', async () => {
  const reset = encodeEvent({ name: 'reset', data: '{}' })
  const heard = await follow([saying(taskEvent('1')), saying(taskEvent('2') + reset)])
  assert.deepEqual(heard.join(', ').split('connect').slice(1), [
    ', live, list, task 1, lost, pause 1000, ',
    ' run-1, live, task 2, list, lost, pause 1000, ',
    ' run-2',
  ])
})

test('before the first event a list tells what was missed', async () => {
  const heard = await follow([saying(''), saying('')])
  assert.equal(heard.filter((what) => what === 'list').length, 2)
})

test('pauses grow while the service is away, and a refusal ends it', async () => {
  const away = new Error('away')
  const refused = new ServiceError('no', { status: 401 })
  const heard = await follow([away, away, away, away, away, away, refused])
  const pauses = heard.filter((what) => what.startsWith('pause'))
  assert.deepEqual(
    pauses,
    [1000, 2000, 4000, 8000, 15_000, 15_000].map((ms) => `pause ${ms}`),
  )
  assert.equal(heard.at(-1), 'refused')
})
