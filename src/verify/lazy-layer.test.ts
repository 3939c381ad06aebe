import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { isAccelError } from '../errors/accel-error.ts'
import { compareTrees } from '../formats/listing/compare.ts'
import type { Listing } from '../formats/listing/listing.ts'
import { MergedTree } from '../formats/listing/merged-tree.ts'
import { TarListing } from '../formats/listing/tar-listing.ts'
import { openDecoder } from '../formats/layer-decoder.ts'
import { inlineHost } from '../testing/inline-host.ts'
import { memoryFile } from '../testing/memory-file.ts'
import { readEvents } from '../testing/read-tar.ts'
import { decodeAll } from '../testing/decode.ts'
import { readLazyLayer, type LazyLayerInit, type LazyLayerView } from './lazy-layer.ts'

const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../../test/fixtures/${name}`, import.meta.url))

function view(blob: Uint8Array, init: Partial<LazyLayerInit> = {}): Promise<LazyLayerView> {
  return readLazyLayer(inlineHost(), memoryFile(blob), {
    what: 'a layer',
    format: 'estargz',
    ...init,
  })
}

function source(tar: Uint8Array): Listing {
  const listing = new TarListing()
  for (const event of readEvents(tar)) listing.take(event)
  return listing.finish()
}

function merged(listing: Listing): MergedTree {
  const tree = new MergedTree()
  tree.apply(listing)
  return tree
}

suite('a lazy layer as its readers see it', () => {
  const cases: [string, LazyLayerInit['format'], string][] = [
    ['estargz/default.esgz', 'estargz', 'estargz/input.tar.gz'],
    ['estargz/chunk64k.esgz', 'estargz', 'estargz/input.tar.gz'],
    ['estargz/minchunk50000.esgz', 'estargz', 'estargz/input.tar.gz'],
    ['estargz/prioritized.esgz', 'estargz', 'estargz/input.tar.gz'],
    ['zstd-chunked/storage-dialect.zst', 'zstd-chunked', 'zstd-chunked/input-nodup.tar.gz'],
    ['zstd-chunked/union-full.zst', 'zstd-chunked', 'zstd-chunked/input-nodup.tar.gz'],
  ]
  for (const [name, format, input] of cases) {
    test(`${name} is its source`, async () => {
      const { lazy, ordinary, findings } = await view(fixture(name), { format })
      assert.deepEqual(findings.kept, [])
      const original = merged(source(decodeAll(openDecoder({ what: input }), fixture(input))))
      // What wrote these fixtures cuts times to seconds in its TOC.
      const wholeSeconds = true
      for (const listing of [lazy, ordinary]) {
        const { differences, paths } = compareTrees(original, merged(listing), { wholeSeconds })
        assert.deepEqual(differences, [])
        assert(paths > 30)
      }
    })
  }

  test('every damaged byte is noticed, or changes nothing that a reader sees', async () => {
    const golden = fixture('estargz/chunk64k.esgz')
    const before = await view(golden)
    const trees = { lazy: merged(before.lazy), ordinary: merged(before.ordinary) }
    const places = fc.integer({ min: 0, max: golden.length - 1 })
    await fc.assert(
      fc.asyncProperty(places, fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const damaged = Buffer.from(golden)
        damaged[at]! ^= mask
        try {
          const after = await view(damaged)
          if (after.findings.count > 0) return
          const { count } = compareTrees(trees.lazy, merged(after.lazy))
          const ordinary = compareTrees(trees.ordinary, merged(after.ordinary))
          const same = after.diffId === before.diffId
          // The time and the system in a gzip header are nobody's business.
          assert(same && count + ordinary.count === 0, `${at} ^ ${mask}`)
        } catch (error) {
          assert(isAccelError(error), String(error))
        }
      }),
      { numRuns: 300 },
    )
  })
})
