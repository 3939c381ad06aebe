import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeEvents, encodeEvent, HEARTBEAT, type ServerEvent } from './sse.ts'

async function* cut(text: string, sizes: readonly number[]): AsyncGenerator<string> {
  let at = 0
  for (const size of sizes) yield text.slice(at, (at += size))
  yield text.slice(at)
}

const word = fc.stringMatching(/^[a-z-]{1,8}$/)
const event = fc.record(
  {
    name: word,
    data: fc.json().filter((text) => !/[\r\n]/.test(text)),
    id: fc.stringMatching(/^[0-9a-f-]{1,12}$/),
  },
  { requiredKeys: ['name', 'data'], noNullPrototype: true },
) as fc.Arbitrary<ServerEvent>

test('what is written is read, however it is cut, and signs of life are nothing', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event), fc.array(fc.nat(20)), async (events, sizes) => {
      const text = events.map((one) => encodeEvent(one) + HEARTBEAT).join('')
      const read = await Array.fromAsync(decodeEvents(cut(text, sizes)))
      assert.deepEqual(read, events)
    }),
    { numRuns: 200 },
  )
})

test('lines end in any way, data may have several, an event that has not ended is left out', async () => {
  const text =
    'retry: 2000\r\n\r\nevent:a\r\ndata:1\r\ndata: 2\r\n\r\nid: 7\ndata: x\n\nevent: cut\ndata: y\n'
  assert.deepEqual(await Array.fromAsync(decodeEvents(cut(text, [3, 9]))), [
    { name: 'a', data: '1\n2' },
    { name: 'message', data: 'x', id: '7' },
  ])
})

test('an event without end is not collected for ever', async () => {
  async function* endless(): AsyncGenerator<string> {
    for (;;) yield 'x'.repeat(64 * 1024)
  }
  await assert.rejects(Array.fromAsync(decodeEvents(endless())), RangeError)
})
