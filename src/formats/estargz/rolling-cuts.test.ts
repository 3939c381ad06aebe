import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { cut } from '../../testing/read-tar.ts'
import { FixedCuts, type ChunkCuts } from './chunk-cuts.ts'
import { LARGEST_ROLLING_CHUNK, RollingCuts } from './rolling-cuts.ts'

interface Chunk {
  size: number
  kind: 'data' | 'zeros'
}

/** The chunks of a file that comes in these pieces; what they hold must be the file. */
function chunksOf(cuts: ChunkCuts, pieces: readonly Uint8Array[]): Chunk[] {
  const file = Buffer.concat(pieces)
  cuts.begin(file.length)
  const chunks: Chunk[] = []
  const given: Uint8Array[] = []
  let size = 0
  for (const piece of pieces) {
    cuts.push(piece)
    for (let next = cuts.next(); next !== undefined; next = cuts.next()) {
      const { bytes, ends } = next
      given.push(Uint8Array.from(bytes))
      size += bytes.length
      if (ends === undefined) continue
      chunks.push({ size, kind: ends })
      size = 0
    }
  }
  assert(Buffer.concat(given).equals(file))
  assert.equal(size, 0, 'the end of the file ends a chunk')
  return chunks
}

/** Content that is cut often: noise with runs of zeros around the length from which they count. */
const content = fc
  .array(
    fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.integer({ min: 1000, max: 3000 }).map((size) => new Uint8Array(size)),
      fc
        .record({ seed: fc.nat(), size: fc.nat(200_000) })
        .map(({ seed, size }) => noise(seed, size)),
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((pieces) => Buffer.concat(pieces))
  .filter(({ length }) => length > 0)

function noise(seed: number, size: number): Uint8Array {
  let x = seed + 1
  return new Uint8Array(size).map(() => (x = (x * 48_271) % 2_147_483_647) >> 8)
}

suite('chunks', () => {
  test('do not depend on how the content comes', () => {
    fc.assert(
      fc.property(
        content,
        fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 4000 }),
        (file, sizes, smallest) => {
          for (const make of [() => new RollingCuts(smallest), () => new FixedCuts(smallest)]) {
            assert.deepEqual(chunksOf(make(), [...cut(file, sizes)]), chunksOf(make(), [file]))
          }
        },
      ),
    )
  })

  test('of one size: all but the last have it', () => {
    assert.deepEqual(
      chunksOf(new FixedCuts(4), [Buffer.from('0123456789')]).map(({ size }) => size),
      [4, 4, 2],
    )
  })

  test('by content: none of data is smaller than wanted, but before zeros and at the end', () => {
    fc.assert(
      fc.property(content, fc.integer({ min: 1, max: 70_000 }), (file, smallest) => {
        const chunks = chunksOf(new RollingCuts(smallest), [file])
        for (const [i, { size, kind }] of chunks.entries()) {
          if (kind === 'zeros') assert(size >= 1024)
          else if (i + 1 < chunks.length && chunks[i + 1]!.kind === 'data') assert(size >= smallest)
        }
      }),
    )
  })

  test('by content: long runs of zeros are chunks of zeros, and none is larger than a slab', () => {
    const file = Buffer.alloc(2 * LARGEST_ROLLING_CHUNK + 5000)
    file.fill(1, 3000, 4000)
    assert.deepEqual(chunksOf(new RollingCuts(512), [file]), [
      { size: 3000, kind: 'zeros' },
      { size: 1000, kind: 'data' },
      { size: LARGEST_ROLLING_CHUNK, kind: 'zeros' },
      { size: LARGEST_ROLLING_CHUNK, kind: 'zeros' },
      { size: 1000, kind: 'zeros' },
    ])
    // One byte, over and over: the sum never ends a chunk.
    file.fill(7)
    assert.deepEqual(
      chunksOf(new RollingCuts(512), [file]).map(({ size }) => size),
      [LARGEST_ROLLING_CHUNK, LARGEST_ROLLING_CHUNK, 5000],
    )
  })

  test('by content: behind an insertion they are the same again', () => {
    const file = noise(1, 2_000_000)
    const other = Buffer.concat([file.subarray(0, 500_000), noise(2, 77), file.subarray(500_000)])
    const sizes = (bytes: Uint8Array): number[] =>
      chunksOf(new RollingCuts(1024), [bytes]).map(({ size }) => size)
    const [before, after] = [sizes(file), sizes(other)]
    assert(before.length > 15)
    assert.deepEqual(after.slice(-10), before.slice(-10))
  })
})
