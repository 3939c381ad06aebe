import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { REGION_SIZE, RegionBlob } from './region-blob.ts'

/** A blob of `size` bytes that keeps what was fetched of it: 1 for a byte that is there. */
function recorded(size: number): { blob: RegionBlob; fetches: [number, number][] } {
  const fetches: [number, number][] = []
  const there = new Uint8Array(size)
  const fetch = async (offset: number, length: number): Promise<void> => {
    assert(offset >= 0 && length > 0 && offset + length <= size, `${offset}+${length} of ${size}`)
    fetches.push([offset, length])
    there.fill(1, offset, offset + length)
  }
  const read = async (offset: number, length: number): Promise<Uint8Array> =>
    there.subarray(offset, offset + length)
  return { blob: new RegionBlob({ size, fetch, read }), fetches }
}

test('regions are fetched whole, the lacking ones of a read at once, the last as far as it goes', async () => {
  const { blob, fetches } = recorded(3 * REGION_SIZE + 10)
  await blob.ensure(REGION_SIZE - 1, 2)
  await blob.ensure(0, 2 * REGION_SIZE)
  await blob.read(REGION_SIZE, 2 * REGION_SIZE + 10)
  await blob.ensure(5, 0)
  assert.deepEqual(fetches, [
    [0, 2 * REGION_SIZE],
    [2 * REGION_SIZE, REGION_SIZE + 10],
  ])
})

test('what lies between lacking regions is fetched again, as one range', async () => {
  const { blob, fetches } = recorded(5 * REGION_SIZE)
  await blob.ensure(2 * REGION_SIZE, 1)
  await blob.ensure(0, 5 * REGION_SIZE)
  assert.deepEqual(fetches[1], [0, 5 * REGION_SIZE])
})

test('all bytes that are read are there, and nothing is fetched a second time', async () => {
  const reads = fc.array(fc.tuple(fc.nat({ max: 399_999 }), fc.integer({ min: 1, max: 200_000 })))
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 400_000 }), reads, async (size, all) => {
      const { blob, fetches } = recorded(size)
      const inside = all.filter(([offset]) => offset < size)
      for (const [offset, length] of inside) {
        const bytes = await blob.read(offset, Math.min(length, size - offset))
        assert(bytes.every((byte) => byte === 1))
      }
      const before = fetches.length
      for (const [offset, length] of inside) await blob.ensure(offset, length)
      assert.equal(fetches.length, before)
    }),
  )
})
