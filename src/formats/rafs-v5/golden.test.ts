import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { type ListedFile, listingDigest, listTree } from '../nydus-tree/listing.ts'
import { ALIGNMENT, RafsV5Inode, RafsV5Superblock } from './layout.ts'
import { planRafsV5, type RafsV5Plan } from './plan.ts'
import { readRafsV5 } from './read.ts'
import { writeRafsV5 } from './write.ts'

const fixtures = join(import.meta.dirname, '../../../test/fixtures/nydus')
const image = gunzipSync(readFileSync(join(fixtures, 'v5-image.boot.gz')))
const repeatable = ['blake3-lz4_block-non_repeatable', 'sha256-nocompress-repeatable'].map(
  (name) => ({
    name,
    bytes: readFileSync(join(fixtures, 'repeatable', name)),
    result: readFileSync(join(fixtures, 'repeatable', `${name}.result`), 'utf8'),
  }),
)

test('the bootstrap of an Ubuntu image is read whole, every inode digest right', () => {
  const { tree, blobs, compressor, digester, prefetch } = readRafsV5(image, { what: 'golden' })
  assert.deepEqual(
    [compressor, digester, prefetch.map((node) => tree.pathOf(node))],
    ['lz4_block', 'blake3', ['/']],
  )
  assert.deepEqual([blobs.length, blobs[0]?.chunkCount, tree.inodes.chunks.length], [1, 2515, 2515])
  const listing = listTree(tree)
  const count = (type: string): number => listing.filter((f) => f.mode.startsWith(type)).length
  assert.deepEqual([listing.length, count('4'), count('12'), count('10')], [3517, 678, 212, 2627])
  assert.deepEqual(
    listing.filter((f) => f.linkOf !== undefined).map((f) => [f.path, f.linkOf, f.nlink]),
    [
      ['/usr/bin/perl5.34.0', '/usr/bin/perl', 2],
      ['/usr/bin/uncompress', '/usr/bin/gunzip', 2],
    ],
  )
  assert.equal(
    listingDigest(listing),
    '5703db1cda690394c50e6b05a4fd753b040cc3a4f3455e032cc363f1d08029b7',
  )
})

test('the small bootstraps hold the tree that their builder says', () => {
  for (const { name, bytes, result } of repeatable) {
    const { tree, digester } = readRafsV5(bytes, { what: name })
    assert.equal(digester, name.startsWith('blake3') ? 'blake3' : 'sha256')
    // The output of `tree -J` and then checksums of the contents, which are not here.
    const [root] = JSON.parse(result.slice(0, result.indexOf('\n]\n') + 2)) as [ShownFile]
    const expected = flat({ ...root, name: '' }, '').toSorted(byPath)
    assert.deepEqual(listTree(tree).map(asShown).toSorted(byPath), expected)
  }
})

interface ShownFile {
  type: 'directory' | 'file' | 'link'
  name: string
  target?: string
  contents?: ShownFile[]
}

interface Shown {
  path: string
  type: string
  target: string | undefined
}

function flat(file: ShownFile, parent: string): Shown[] {
  const path = `${parent}${file.name}`
  const own = { path: path === '' ? '/' : path, type: file.type, target: file.target }
  return [own, ...(file.contents ?? []).flatMap((child) => flat(child, `${path}/`))]
}

function asShown({ path, mode, target }: ListedFile): Shown {
  const type = mode.startsWith('4') ? 'directory' : mode.startsWith('12') ? 'link' : 'file'
  return { path, type, target }
}

function byPath(a: Shown, b: Shown): number {
  return Buffer.compare(Buffer.from(a.path), Buffer.from(b.path))
}

/** Writes what was read, with records in the order of those days. */
function rewrite(bytes: Buffer): { plan: RafsV5Plan; ours: Buffer } {
  const { tree, blobs, superblock, prefetch } = readRafsV5(bytes, { what: 'golden' })
  const flags = superblock.flagsLow
  const plan = planRafsV5(tree, { blobs, flags, prefetch, recordOrder: 'index' })
  return { plan, ours: Buffer.concat([...writeRafsV5(plan)]) }
}

/** Each differing field of the superblock or of an inode, as `field: golden -> ours`. */
function differences(golden: Buffer, { plan, ours }: { plan: RafsV5Plan; ours: Buffer }): string[] {
  assert.equal(ours.length, golden.length)
  const found = new Set<string>()
  golden.forEach((byte, at) => {
    if (byte === ours[at]) return
    // The last record that begins before the byte; records are in the order of positions.
    const position = plan.record.findLastIndex((record) => record * ALIGNMENT <= at)
    const start = position === -1 ? 0 : (plan.record[position] as number) * ALIGNMENT
    const { rows } = position === -1 ? RafsV5Superblock : RafsV5Inode
    const [field, [offset, { size }]] = Object.entries(rows).findLast(
      ([, [o]]) => start + o <= at,
    ) as [string, [number, { size: number }]]
    assert.ok(at < start + offset + size, `byte ${at} is in no record`)
    const name =
      position === -1 ? 'superblock' : plan.tree.pathOf(plan.numbering.node[position] as number)
    const value = (bytes: Buffer): number => bytes.readUIntLE(start + offset, Math.min(size, 6))
    found.add(`${name}.${field}: ${value(golden)} -> ${value(ours)}`)
  })
  return [...found]
}

test('written again, the bootstrap of the Ubuntu image differs in three directories', () => {
  // Their size was that of the source's file system; today's builder computes it, as it did for all others here.
  assert.deepEqual(differences(image, rewrite(image)), [
    '/usr/bin.size: 12288 -> 8192',
    '/usr/bin.blocks: 24 -> 16',
    '/usr/lib/x86_64-linux-gnu/gconv.size: 12288 -> 8192',
    '/usr/lib/x86_64-linux-gnu/gconv.blocks: 24 -> 16',
    '/var/lib/dpkg/info.size: 20480 -> 16384',
    '/var/lib/dpkg/info.blocks: 40 -> 32',
  ])
})

test('written again, the small bootstraps differ in a count', () => {
  for (const { bytes } of repeatable) {
    // That builder counted one inode too few; readers only ask that there are not more inodes than names.
    assert.deepEqual(differences(bytes, rewrite(bytes)), ['superblock.inodesCount: 51 -> 52'])
  }
})
