import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TarListing } from '../formats/listing/tar-listing.ts'
import type { ListingData } from '../formats/listing/listing.ts'
import { readEvents } from '../testing/read-tar.ts'
import { testTar } from '../testing/tar-builder.ts'
import type { ViewFormat } from './allowances.ts'
import { run } from './compare-job.ts'

function list(xattrs: Record<string, string>): ListingData {
  const listing = new TarListing()
  const tar = testTar().file('f', 'content', { xattrs }).bytes()
  for (const event of readEvents(tar)) listing.take(event)
  return listing.finish()
}

/** Attributes of `source` that are missed in a target that has none. */
async function missed(format: ViewFormat, ...names: string[]): Promise<string[]> {
  const source = [list(Object.fromEntries(names.map((name) => [name, 'y'])))]
  const { differences } = await run({ source, target: [list({})], format })
  return differences.map(({ field }) => field)
}

test('attributes of overlay are missed by no reader, attributes that EROFS has no place for not by nydusd', async () => {
  const names = ['trusted.overlay.opaque', 'user.overlay.metacopy', 'user.a', 'system.other']
  const expected = ['xattr system.other', 'xattr user.a']
  for (const format of ['ordinary', 'estargz', 'zstd-chunked'] as const) {
    assert.deepEqual((await missed(format, ...names)).toSorted(), expected)
  }
  assert.deepEqual(await missed('nydus', ...names), ['xattr user.a'])
})
