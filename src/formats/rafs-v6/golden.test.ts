import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import {
  ErofsDeviceSlot,
  ErofsInodeExtended,
  ErofsSuperblock,
  SUPERBLOCK_OFFSET,
} from '../erofs/layout.ts'
import { listingDigest, listTree } from '../nydus-tree/listing.ts'
import { nlinkOf, numberTree } from '../nydus-tree/numbering.ts'
import { DEVICE_TABLE_OFFSET } from './layout.ts'
import { planRafsV6, type RafsV6Init, type RafsV6Plan } from './plan.ts'
import { readRafsV6, type RafsV6Bootstrap } from './read.ts'
import { writeRafsV6 } from './write.ts'

const fixtures = join(import.meta.dirname, '../../../test/fixtures/nydus')
const small = readFileSync(join(fixtures, 'rafs-v6-2.2.boot'))
const image = gunzipSync(readFileSync(join(fixtures, 'v6-image-raw-size-438272.boot.gz')))
const blob = readFileSync(
  join(fixtures, 'blobs/2fa78cad554b75ac91a4a125ed148d0ddeb25efa4aaa8bd80e5dc292690a4dca'),
)
/** Section image.boot of the blob. */
const inline = zstdDecompressSync(blob.subarray(7997, 7997 + 501))

test('the bootstrap of nydus 2.2 is read whole', () => {
  const { tree, blobs, devices, compressor, digester, prefetch } = readRafsV6(small, {
    what: 'golden',
  })
  assert.deepEqual([compressor, digester, prefetch], ['zstd', 'blake3', []])
  assert.deepEqual(
    [
      devices[0]?.blocks,
      blobs[0]?.chunkCount,
      blobs[0]?.features.toString(16),
      blobs[0]?.blobTocSize,
    ],
    [9, 2, '70000021', 1024],
  )
  const file = { mode: '100644', uid: 0, gid: 0, mtime: 1_676_819_553, nlink: 1 }
  assert.deepEqual(listTree(tree).slice(1), [
    {
      path: '/lib.rs',
      ...file,
      mtimeNanoseconds: 628_661_334,
      size: 16931,
      chunks: ['0:0@0+16931'],
    },
    {
      path: '/sync_io.rs',
      ...file,
      mtimeNanoseconds: 628_993_084,
      size: 13400,
      chunks: ['0:1@20480+13400'],
    },
  ])
})

test('the bootstrap inside a layer blob is read whole', () => {
  const { tree, blobs } = readRafsV6(inline, { what: 'golden' })
  assert.match(blobs[0]?.blobId ?? '', /^d788a0ea/)
  assert.deepEqual(
    listTree(tree).map((f) => f.path),
    ['/', '/error.rs', '/lib.rs', '/logger.rs'],
  )
})

test('the bootstrap of an Ubuntu image of early 2022 is read whole', () => {
  const { tree, blobs, compressor, prefetch } = readRafsV6(image, { what: 'golden' })
  assert.deepEqual(
    [compressor, tree.inodes.chunks.length, blobs[0]?.chunkCount],
    ['lz4_block', 2515, 2515],
  )
  assert.deepEqual(
    prefetch.map((node) => tree.pathOf(node)),
    ['/bin'],
  )
  const listing = listTree(tree)
  const count = (type: string): number => listing.filter((f) => f.mode.startsWith(type)).length
  assert.deepEqual([listing.length, count('4'), count('12'), count('10')], [3517, 678, 212, 2627])
  assert.equal(listing.filter((f) => f.chunks?.length === 0).length, 25)
  assert.equal(
    listingDigest(listing),
    'd485c07d30f284bfa4356fa3096ea3f0b45210caddc549ca28cc8ed0bf6e627b',
  )
})

/** Writes what was read, as the writer of that bootstrap was told to. */
function rewrite(
  read: RafsV6Bootstrap,
  init: Partial<RafsV6Init> = {},
): { plan: RafsV6Plan; bytes: Buffer } {
  const { tree, blobs, extended, prefetch } = read
  const plan = planRafsV6(tree, { blobs, flags: extended.flagsLow, prefetch, ...init })
  return { plan, bytes: Buffer.concat([...writeRafsV6(plan)]) }
}

/** Each maximal run of differing bytes within one field, as `field: golden -> ours`. */
function differences(golden: Buffer, ours: Buffer, fieldAt: (offset: number) => Field): string[] {
  assert.equal(ours.length, golden.length)
  const found: string[] = []
  for (let at = 0; at < golden.length; at++) {
    if (golden[at] === ours[at]) continue
    const { name, offset, size } = fieldAt(at)
    found.push(`${name}: ${golden.readUIntLE(offset, size)} -> ${ours.readUIntLE(offset, size)}`)
    at = offset + size - 1
  }
  return found
}

interface Field {
  name: string
  offset: number
  size: number
}

/** Names the field at a byte of the superblock, the first device slot or an inode. */
function fieldsOf({
  numbering,
  placement,
  metaOffset,
  tree,
}: RafsV6Plan): (offset: number) => Field {
  const starts = new Map<number, number>()
  placement.nid.forEach((nid, position) => starts.set(metaOffset + nid * 32, position))
  const records = [
    { layout: ErofsSuperblock, start: SUPERBLOCK_OFFSET },
    { layout: ErofsDeviceSlot, start: DEVICE_TABLE_OFFSET },
  ]
  const within = (layout: { rows: object }, prefix: string, start: number, at: number): Field => {
    const rows = Object.entries(layout.rows) as [string, [number, { size: number }]][]
    const row = rows.find(
      ([, [offset, scalar]]) => at >= start + offset && at < start + offset + scalar.size,
    )
    assert.ok(row !== undefined)
    return { name: `${prefix}.${row[0]}`, offset: start + row[1][0], size: row[1][1].size }
  }
  return (at) => {
    const record = records.find(({ layout, start }) => at >= start && at < start + layout.size)
    if (record !== undefined) return within(record.layout, record.layout.name, record.start, at)
    for (let start = at - (at % 32); start > at - ErofsInodeExtended.size; start -= 32) {
      const position = starts.get(start)
      if (position === undefined) continue
      return within(ErofsInodeExtended, tree.pathOf(numbering.node[position] as number), start, at)
    }
    throw new Error(`byte ${at} is in no record`)
  }
}

test('written again, the bootstrap of nydus 2.2 differs in what that version did otherwise', () => {
  const { plan, bytes } = rewrite(readRafsV6(small, { what: 'golden' }))
  assert.deepEqual(differences(small, bytes, fieldsOf(plan)), [
    // Devices were aligned to 2 MiB, today to 512 KiB.
    'erofs_deviceslot.mappedBlkaddr: 512 -> 128',
    // The root had inode number 0 and not yet 1; nobody reads it.
    '/.ino: 0 -> 1',
  ])
})

test('written again, the bootstrap inside a layer blob differs in what that version did otherwise', () => {
  const { plan, bytes } = rewrite(readRafsV6(inline, { what: 'golden' }))
  assert.deepEqual(differences(inline, bytes, fieldsOf(plan)), [
    'erofs_deviceslot.mappedBlkaddr: 0 -> 128',
    '/.ino: 0 -> 1',
  ])
})

test('written again, the bootstrap of early 2022 differs in what that version did otherwise', () => {
  const read = readRafsV6(image, { what: 'golden' })
  const { plan, bytes } = rewrite(read, { chunkOrder: 'id' })
  const found = differences(image, bytes, fieldsOf(plan))
  assert.deepEqual(
    found.filter((text) => !text.includes('.union')),
    [
      // A fixed number, whatever the blob had; nydusd still accepts it.
      'erofs_super_block.blocks: 4096 -> 20451',
      // Devices had no mapped address.
      'erofs_deviceslot.mappedBlkaddr: 0 -> 256',
      // Hard links were inodes of their own, with the count and number of links but a nid each.
      '/usr/bin/gunzip.nlink: 2 -> 1',
      '/usr/bin/perl.nlink: 2 -> 1',
      '/usr/bin/perl5.34.0.ino: 381 -> 382',
      '/usr/bin/perl5.34.0.nlink: 2 -> 1',
      '/usr/bin/uncompress.ino: 308 -> 471',
      '/usr/bin/uncompress.nlink: 2 -> 1',
    ],
  )
  // Files in one piece were not yet marked as one extent, which is an optimisation of the kernel's page cache.
  const unions = found.filter((text) => text.includes('.union'))
  assert.equal(unions.length, 13)
  assert.ok(
    unions.every((text) => /: 40 -> 4[123]$/.test(text)),
    unions.join('\n'),
  )
})

test('link counts come from the tree', () => {
  const { tree } = readRafsV6(image, { what: 'golden' })
  const numbering = numberTree(tree)
  assert.equal(nlinkOf(tree, numbering, 0), 17)
})
