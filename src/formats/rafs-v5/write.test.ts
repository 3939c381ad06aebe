import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { isAccelError } from '../../errors/accel-error.ts'
import { randomTree, type RandomTree, seeded } from '../../testing/random-file-tree.ts'
import { algorithmFlags, SuperFlags } from '../nydus-blob/algorithm.ts'
import { S_IFLNK, S_IFREG } from '../nydus-tree/file-mode.ts'
import { FileTree, ROOT } from '../nydus-tree/file-tree.ts'
import { listTree } from '../nydus-tree/listing.ts'
import type { RafsV5Blob } from './layout.ts'
import { planRafsV5, type RafsV5Init } from './plan.ts'
import { readRafsV5 } from './read.ts'
import { writeRafsV5 } from './write.ts'

const flags = algorithmFlags('zstd', 'sha256') | SuperFlags.explicitUidGid | SuperFlags.hasXattr

function blobsOf({ blobs }: RandomTree): RafsV5Blob[] {
  return blobs.map((blob, i) => ({
    blobId: i.toString(16).padStart(64, '0'),
    prefetchOffset: 0,
    prefetchSize: 0,
    chunkCount: blob.chunkCount,
    features: 0x5000_0000,
    uncompressedSize: blob.uncompressedSize,
    compressedSize: blob.compressedSize + 512,
  }))
}

function write(tree: FileTree, init: RafsV5Init): Buffer {
  const plan = planRafsV5(tree, init)
  const bytes = Buffer.concat([...writeRafsV5(plan)])
  assert.equal(bytes.length, plan.size)
  return bytes
}

test('random trees are read as they were written, in both orders of records', () => {
  for (let seed = 1; seed <= 12; seed++) {
    const made = randomTree({
      seed,
      names: seed * 50,
      blobs: seed % 4,
      alignment: seed % 2 === 0 ? 1 : 4096,
    })
    const blobs = blobsOf(made)
    const recordOrder = seed % 3 === 0 ? 'index' : 'depth-first'
    const init: RafsV5Init = { blobs, flags, prefetch: [ROOT], recordOrder }
    const bytes = write(made.tree, init)
    const read = readRafsV5(bytes, { what: 'test' })
    assert.deepEqual(listTree(read.tree), listTree(made.tree), `seed ${seed}`)
    assert.deepEqual([read.blobs, read.prefetch], [blobs, [ROOT]])
    assert.ok(write(read.tree, init).equals(bytes), `seed ${seed}`)
  }
})

test('the digest of the root covers names of every kind', () => {
  const tree = new FileTree({ what: 'test' })
  const attributes = { uid: 0, gid: 0, mtime: 0, mtimeNanoseconds: 0, xattrSet: 0 }
  const link = tree.inodes.add({ ...attributes, mode: S_IFLNK | 0o777 })
  tree.inodes.setTarget(link, Buffer.from('to'))
  tree.add(ROOT, Buffer.from('b'), link)
  tree.add(ROOT, Buffer.from('a'), tree.inodes.add({ ...attributes, mode: S_IFREG }))
  const bytes = write(tree, { blobs: [], flags })
  const sha256 = (data: Uint8Array): Buffer => hash('sha256', data, 'buffer')
  const expected = sha256(Buffer.concat([sha256(Buffer.alloc(0)), sha256(Buffer.from('to'))]))
  const root = bytes.readUInt32LE(8192) * 8
  assert.deepEqual(bytes.subarray(root, root + 32), expected)
  bytes.write('TO', bytes.indexOf('to\0\0'))
  assert.throws(
    () => readRafsV5(bytes, { what: 'layer 2' }),
    (error) => isAccelError(error, 'FORMAT_INVALID') && error.message.includes('the digest of'),
  )
})

test('a symlink without target is refused with its path', () => {
  const tree = new FileTree({ what: 'layer 3' })
  const attributes = { uid: 0, gid: 0, mtime: 0, mtimeNanoseconds: 0, xattrSet: 0 }
  tree.add(ROOT, Buffer.from('empty'), tree.inodes.add({ ...attributes, mode: S_IFLNK | 0o777 }))
  assert.throws(
    () => planRafsV5(tree, { blobs: [], flags }),
    (error) => isAccelError(error, 'FORMAT_INVALID') && error.message.includes('/empty'),
  )
})

test('damaged bootstraps are refused or read, and nothing else happens', () => {
  const made = randomTree({ seed: 9, names: 30, blobs: 2, maxFileSize: 9000 })
  const bytes = write(made.tree, { blobs: blobsOf(made), flags, prefetch: [ROOT] })
  const random = seeded(4)
  let refused = 0
  const attempt = (damaged: Buffer): void => {
    try {
      readRafsV5(damaged, { what: 'test', maxNodes: 1000 })
    } catch (error) {
      assert.ok(
        isAccelError(error) && error.code.startsWith('FORMAT_'),
        String((error as Error).stack),
      )
      refused++
    }
  }
  for (let i = 0; i < 1500; i++) {
    const damaged = Buffer.from(bytes)
    const at = i % 3 === 0 ? random(80) : 8192 + random(bytes.length - 8192)
    for (let n = random(3); n >= 0; n--) damaged[(at + n) % bytes.length] = random(256)
    attempt(damaged)
  }
  for (let end = 0; end < bytes.length; end += 256) attempt(bytes.subarray(0, end))
  assert.ok(refused > 1000, `${refused} refused`)
})
