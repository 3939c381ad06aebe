import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAccelError } from '../../errors/accel-error.ts'
import { randomTree, type RandomTree, seeded } from '../../testing/random-file-tree.ts'
import { algorithmFlags, SuperFlags } from '../nydus-blob/algorithm.ts'
import { BlobFeature } from '../nydus-blob/feature.ts'
import { blobsInUse, renumberBlobs } from '../nydus-tree/blob-use.ts'
import { S_IFLNK, S_IFREG } from '../nydus-tree/file-mode.ts'
import { FileTree, ROOT } from '../nydus-tree/file-tree.ts'
import { listTree } from '../nydus-tree/listing.ts'
import { numberTree } from '../nydus-tree/numbering.ts'
import type { RafsV6Blob } from './layout.ts'
import { blkaddrAt, blobIndexAt, chunkIndexAt, setChunkAddress } from './chunk-address.ts'
import { planRafsV6, type RafsV6Init } from './plan.ts'
import { readRafsV6 } from './read.ts'
import { writeRafsV6 } from './write.ts'

const flags =
  algorithmFlags('zstd', 'blake3') |
  SuperFlags.explicitUidGid |
  SuperFlags.hasXattr |
  SuperFlags.encryptionNone

function blobEntries({ tree, blobs }: RandomTree): RafsV6Blob[] {
  return blobs.map((blob, i) => ({
    blobId: i.toString(16).padStart(64, '0'),
    blobIndex: i,
    chunkSize: tree.inodes.chunkSize,
    chunkCount: blob.chunkCount,
    compressor: 3,
    digester: 0,
    features: BlobFeature.aligned | BlobFeature.capTarToc,
    compressedSize: blob.compressedSize,
    uncompressedSize: blob.uncompressedSize,
    blobTocSize: 0,
    ciCompressor: 0,
    ciOffset: blob.compressedSize + 512,
    ciCompressedSize: blob.chunkCount * 16,
    ciUncompressedSize: blob.chunkCount * 16,
    blobTocDigest: new Uint8Array(32),
    blobMetaDigest: new Uint8Array(32),
    blobMetaSize: new Uint8Array(8),
    cipherIv: new Uint8Array(8),
    cipher: 0,
  }))
}

function write(tree: FileTree, init: RafsV6Init): Buffer {
  const plan = planRafsV6(tree, init)
  const bytes = Buffer.concat([...writeRafsV6(plan)])
  assert.equal(bytes.length, plan.size)
  return bytes
}

test('random trees are read as they were written', () => {
  for (let seed = 1; seed <= 12; seed++) {
    const made = randomTree({ seed, names: seed * 60, blobs: seed % 4 })
    const blobs = blobEntries(made)
    const bytes = write(made.tree, { blobs, flags, prefetch: [ROOT] })
    const read = readRafsV6(bytes, { what: 'test' })
    assert.deepEqual(listTree(read.tree), listTree(made.tree), `seed ${seed}`)
    assert.deepEqual(read.blobs, blobs)
    assert.deepEqual(read.prefetch, blobs.length === 0 ? [] : [ROOT])
    // What was read is written to the same bytes.
    assert.ok(write(read.tree, { blobs, flags, prefetch: [ROOT] }).equals(bytes), `seed ${seed}`)
  }
})

test('more than 21 blobs push the blob table into the next block', () => {
  const made = randomTree({ seed: 5, names: 1500, blobs: 30, maxFileSize: 5000 })
  const bytes = write(made.tree, { blobs: blobEntries(made), flags })
  const read = readRafsV6(bytes, { what: 'test' })
  assert.equal(read.extended.blobTableOffset, 8192)
  assert.deepEqual(listTree(read.tree), listTree(made.tree))
})

test('a tree without blobs has no tables; the smallest bootstrap has 8192 bytes', () => {
  const tree = new FileTree({ what: 'test' })
  const bytes = write(tree, { blobs: [], flags })
  assert.equal(bytes.length, 8192)
  const read = readRafsV6(bytes, { what: 'test' })
  assert.deepEqual([read.superblock.metaBlkaddr, read.superblock.rootNid], [0, 128])
  assert.equal(listTree(read.tree).length, 1)
})

test('chunk addresses hold 253 as blob and 24 bits of index', () => {
  const view = new DataView(new ArrayBuffer(12))
  setChunkAddress(view, 4, 253, 0xab_cdef, 0xffff_fffe)
  assert.equal(Buffer.from(view.buffer).toString('hex'), '00000000efcdfeabfeffffff')
  assert.deepEqual(
    [blobIndexAt(view, 4), chunkIndexAt(view, 4), blkaddrAt(view, 4)],
    [253, 0xab_cdef, 0xffff_fffe],
  )
})

test('blobs are listed in the order of first use, and unused ones not at all', () => {
  const made = randomTree({ seed: 3, names: 200, blobs: 3 })
  const firstUses = (): string[] => {
    const chunks = listTree(made.tree).flatMap((f) => f.chunks ?? [])
    return [...new Set(chunks.map((chunk) => chunk.split(':')[0] ?? ''))]
  }
  assert.deepEqual(blobsInUse(made.tree, numberTree(made.tree)).map(String), firstUses())
  for (const child of made.tree.children(ROOT)) {
    const chunks = made.tree.inodes.chunkCount(made.tree.inodeOf(child))
    if (chunks > 0) made.tree.remove(child)
  }
  const order = blobsInUse(made.tree, numberTree(made.tree))
  renumberBlobs(made.tree, order)
  assert.deepEqual(
    firstUses(),
    order.map((_, i) => String(i)),
  )
})

test('what v6 cannot hold is refused with the path', () => {
  const tree = new FileTree({ what: 'layer 3' })
  const attributes = { uid: 0, gid: 0, mtime: 0, mtimeNanoseconds: 0, xattrSet: 0 }
  const link = tree.inodes.add({ ...attributes, mode: S_IFLNK | 0o777 })
  tree.inodes.setTarget(link, new Uint8Array(4097).fill(0x61))
  const node = tree.add(ROOT, Buffer.from('long'), link)
  assert.throws(
    () => planRafsV6(tree, { blobs: [], flags }),
    (error) => isAccelError(error, 'FORMAT_LIMIT_EXCEEDED') && error.message.includes('/long'),
  )
  tree.remove(node)
  const value = new Uint8Array(60_000)
  const xattrs = Array.from({ length: 5 }, (_, i) => ({ name: Buffer.from(`user.${i}`), value }))
  const xattrSet = tree.inodes.xattrs.add(xattrs, 'layer 3')
  tree.add(ROOT, Buffer.from('f'), tree.inodes.add({ ...attributes, mode: S_IFREG, xattrSet }))
  assert.throws(
    () => planRafsV6(tree, { blobs: [], flags }),
    (error) => isAccelError(error, 'FORMAT_LIMIT_EXCEEDED') && error.message.includes('layer 3'),
  )
})

test('inodes that claim the same bytes over and over are refused before they fill the memory', () => {
  const tree = new FileTree({ what: 'test' })
  const attributes = { uid: 0, gid: 0, mtime: 0, mtimeNanoseconds: 0, xattrSet: 0 }
  for (let i = 0; i < 50; i++) {
    const link = tree.inodes.add({ ...attributes, mode: S_IFLNK | 0o777 })
    tree.inodes.setTarget(link, Buffer.from('target'))
    tree.add(ROOT, Buffer.from(`link-${i}`), link)
  }
  const plan = planRafsV6(tree, { blobs: [], flags })
  const bytes = Buffer.concat([...writeRafsV6(plan)])
  readRafsV6(bytes, { what: 'test' })
  for (const nid of plan.placement.nid.subarray(1)) {
    // Plain layout, 4096 bytes, all at block 0.
    bytes.writeUInt16LE(1, nid * 32)
    bytes.writeUInt32LE(4096, nid * 32 + 8)
    bytes.writeUInt32LE(0, nid * 32 + 16)
  }
  assert.throws(
    () => readRafsV6(bytes, { what: 'test' }),
    (error) => isAccelError(error, 'FORMAT_INVALID') && error.message.includes('overlap'),
  )
})

test('damaged bootstraps are refused or read, and nothing else happens', () => {
  const made = randomTree({ seed: 9, names: 30, blobs: 2, maxFileSize: 9000 })
  const bytes = write(made.tree, { blobs: blobEntries(made), flags, prefetch: [ROOT] })
  const random = seeded(4)
  let refused = 0
  const attempt = (damaged: Buffer): void => {
    try {
      readRafsV6(damaged, { what: 'test', maxNodes: 1000 })
    } catch (error) {
      assert.ok(
        isAccelError(error) && error.code.startsWith('FORMAT_'),
        String((error as Error).stack),
      )
      refused++
    }
  }
  for (let i = 0; i < 1000; i++) {
    const damaged = Buffer.from(bytes)
    // Most of the file is padding and file names: half of the hits go where the records are.
    const at = i % 2 === 0 ? random(bytes.length) : 1024 + random(640)
    for (let n = random(3); n >= 0; n--) damaged[(at + n) % bytes.length] = random(256)
    attempt(damaged)
  }
  for (let end = 0; end < bytes.length; end += 512) attempt(bytes.subarray(0, end))
  assert.ok(refused > 150, `${refused} refused`)
})
