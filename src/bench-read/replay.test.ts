import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createFakeClock } from '../testing/fake-clock.ts'
import { memoryFiles, type MemoryFile } from '../testing/image-files.ts'
import type { Trace } from '../trace/trace.ts'
import { newContentHash } from '../formats/listing/content-hash.ts'
import type { OpenedImage } from './opened-image.ts'
import { quantile, replay, type Replay } from './replay.ts'
import { SameContents } from './same-contents.ts'

const clock = createFakeClock(0)
const { signal } = new AbortController()

/** An image in memory, each read of which takes 7 ms and comes in pieces of 3 bytes. */
function imageOf(files: Record<string, MemoryFile>): OpenedImage {
  const memory = memoryFiles(files)
  return {
    facts: { format: 'estargz', reader: '', size: 0, notes: [] },
    entry: memory.entry,
    children: (path) => [...memory.children(path)],
    prefetch: () => Promise.resolve(),
    async *read(path, offset, length) {
      clock.advance(7)
      for (let at = offset; at < offset + length; at += 3) {
        yield await memory.read(path, at, Math.min(3, offset + length - at))
      }
    },
  }
}

const run = (files: Record<string, MemoryFile>, trace: Trace): Promise<Replay> =>
  replay(imageOf(files), trace, clock, signal)
const digest = (text: string): Uint8Array => newContentHash().digestOf(Buffer.from(text))

suite('a replay', () => {
  test('reads parts within the file, follows links, and counts what is no file', async () => {
    const files = { 'a/x': Buffer.from('0123456789'), b: { symlink: 'a' }, empty: Buffer.from('') }
    const result = await run(files, [
      { path: 'none' },
      { path: 'b/x' },
      { path: 'a/x', range: { offset: 8, length: 100 } },
      { path: 'a/x', range: { offset: 50, length: 1 } },
      { path: 'a' },
      { path: 'empty' },
    ])
    assert.equal(result.missing, 2)
    assert.deepEqual(result.times, [7, 7])
    assert.deepEqual(result.contents.slice(0, 3), [undefined, digest('0123456789'), digest('89')])
    assert.equal(result.firstFileAt, 7)
  })

  test('is compared with others: what both know, the first that differs', async () => {
    const trace = ['a', 'b', 'c'].map((path) => ({ path }))
    const [one, two] = [Buffer.from('1'), Buffer.from('2')]
    const same = new SameContents(trace)
    same.check('first', await run({ b: one, c: one }, trace))
    same.check('second', await run({ a: two, b: one }, trace))
    const differing = await run({ a: one, b: one, c: two }, trace)
    assert.throws(() => same.check('third', differing), {
      code: 'BENCH_CONTENT_DIFFERS',
      message: 'a is not the same in third and in second',
    })
  })
})

test('quantiles are values that were measured', () => {
  assert.equal(quantile([], 0.5), 0)
  assert.deepEqual(
    [0.5, 0.95, 1].map((share) => quantile([3, 1, 2, 4], share)),
    [2, 4, 4],
  )
  assert.equal(
    quantile(
      Array.from({ length: 100 }, (_, i) => i + 1),
      0.95,
    ),
    95,
  )
})
