import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import { BlobReader } from '../nydus-blob/blob-reader.ts'
import { BlobWriter } from '../nydus-blob/blob-writer.ts'
import { openPieceCompressor } from '../nydus-blob/chunk-codec.ts'
import { digestFunction } from '../nydus-blob/chunk-digest.ts'
import type { ChunkInfo } from '../nydus-blob/chunk-info.ts'
import { ChunkWriter } from '../nydus-blob/chunk-writer.ts'
import { storeChunk } from '../../testing/store-chunk.ts'
import { BlobFeature, NATIVE_LAYER_FEATURES } from '../nydus-blob/feature.ts'
import { S_IFREG } from '../nydus-tree/file-mode.ts'
import { type FileTree, ROOT } from '../nydus-tree/file-tree.ts'
import { splitPath } from '../nydus-tree/file-name.ts'
import { LayerTree } from '../nydus-tree/layer-tree.ts'
import { listTree } from '../nydus-tree/listing.ts'
import { overlay } from '../nydus-tree/overlay.ts'
import { imageBlobEntry, layerBlobEntry, nativeFlags, OWN_BLOB_ID } from './blob-entry.ts'
import type { RafsV6Blob } from './layout.ts'
import { planRafsV6, type RafsV6Init } from './plan.ts'
import { readRafsV6 } from './read.ts'
import { writeRafsV6 } from './write.ts'

const CHUNK_SIZE = 0x10000
const flags = nativeFlags({ compressor: 'zstd', digester: 'blake3', xattrs: false, digests: true })

const bootstrapOf = (tree: FileTree, init: RafsV6Init): Buffer =>
  Buffer.concat([...writeRafsV6(planRafsV6(tree, init))])

/** A whole layer: its tree, its blob with everything inside, and its entry in the blob table. */
function makeLayer(files: Record<string, Buffer>): {
  layer: LayerTree
  blob: Buffer
  entry: RafsV6Blob
  digest: string
  toc: { digest: Uint8Array; size: number }
} {
  const layer = new LayerTree({ what: 'layer', chunkSize: CHUNK_SIZE })
  const { inodes } = layer.tree
  const compressor = openPieceCompressor('zstd')
  const digest = digestFunction('blake3')
  const packer = new ChunkWriter({
    chunks: inodes.chunks,
    blobIndex: 0,
    digest,
    alignment: 4096,
    what: 'layer',
  })
  const writer = new BlobWriter()
  const out: Uint8Array[] = []
  for (const [path, content] of Object.entries(files)) {
    const ids: number[] = []
    for (let at = 0; at < content.length; at += CHUNK_SIZE) {
      const { id, stored } = storeChunk(packer, compressor, content.subarray(at, at + CHUNK_SIZE))
      ids.push(id)
      if (stored === undefined) continue
      writer.data(stored)
      out.push(new Uint8Array(stored))
    }
    const inode = inodes.add({
      mode: S_IFREG | 0o644,
      uid: 1,
      gid: 2,
      mtime: 3,
      mtimeNanoseconds: 0,
      xattrSet: 0,
    })
    inodes.setContent(inode, content.length, ids)
    layer.put(splitPath(Buffer.from(path)), inode)
  }
  out.push(writer.endData(packer.uncompressedSize))
  const table = { v2: false, count: packer.count, chunks: packer.chunkInfos() }
  const { pieces, location } = writer.chunkTable(table, packer.digests(), {
    features: NATIVE_LAYER_FEATURES,
    compressor,
  })
  out.push(...pieces)
  const entry = layerBlobEntry({
    chunkSize: CHUNK_SIZE,
    chunkCount: packer.count,
    compressor: 'zstd',
    digester: 'blake3',
    features: NATIVE_LAYER_FEATURES,
    bootstrapOffset: writer.position,
    uncompressedSize: packer.uncompressedSize,
    chunkTable: location,
  })
  const bootstrap = bootstrapOf(layer.tree, { blobs: [entry], flags })
  const stored = zstdCompressSync(bootstrap)
  writer.bootstrap(stored)
  const uncompressedDigest = hash('sha256', bootstrap, 'buffer')
  out.push(
    stored,
    writer.endBootstrap({
      compressor: 'zstd',
      size: stored.length,
      uncompressedSize: bootstrap.length,
      uncompressedDigest,
    }),
  )
  const toc = writer.toc()
  out.push(toc.bytes)
  compressor.close()
  return {
    layer,
    blob: Buffer.concat(out),
    entry,
    digest: Buffer.from(writer.digest()).toString('hex'),
    toc,
  }
}

const files = {
  'a/one': Buffer.alloc(200_000, 'lazy '),
  'a/two': Buffer.from('small'),
  'b/same': Buffer.from('small'),
  empty: Buffer.alloc(0),
}

test('a layer is found again from its blob alone, every chunk of every file through all tables', async () => {
  const { layer, blob, digest } = makeLayer(files)
  assert.equal(digest, hash('sha256', blob))
  const source = {
    size: blob.length,
    read: async (offset: number, length: number) => blob.subarray(offset, offset + length),
  }
  const reader = await BlobReader.open(source, 'blob')
  await reader.checkToc()
  const { tree, blobs } = readRafsV6((await reader.bootstrap()) ?? new Uint8Array(), {
    what: 'blob',
  })
  assert.deepEqual(listTree(tree), listTree(layer.tree))
  const [entry] = blobs
  assert.ok(entry !== undefined)
  assert.equal(entry.blobId, OWN_BLOB_ID)

  // What nydusd compares before it reads: blob entry, table header, and where the data ends.
  const compressedSize = entry.ciOffset - 512
  const table = await reader.chunkTable({
    compressedSize,
    uncompressedSize: entry.uncompressedSize,
  })
  assert.ok(table !== undefined)
  const { header } = table
  assert.deepEqual(
    [
      header.ciOffset,
      header.ciCompressedSize,
      header.ciUncompressedSize,
      header.ciEntries,
      header.ciCompressor,
    ],
    [
      entry.ciOffset,
      entry.ciCompressedSize,
      entry.ciUncompressedSize,
      entry.chunkCount,
      entry.ciCompressor,
    ],
  )
  assert.equal(reader.section('image.boot')?.offset, entry.compressedSize)
  const { inodes } = tree
  for (const [path, content] of Object.entries(files)) {
    const node = splitPath(Buffer.from(path)).reduce(
      (parent, name) => tree.lookup(parent, name),
      ROOT,
    )
    const inode = tree.inodeOf(node)
    const parts: Uint8Array[] = []
    for (let i = 0; i < inodes.chunkCount(inode); i++) {
      const chunk = inodes.chunks.get(inodes.chunkAt(inode, i))
      const info: ChunkInfo | undefined = table.chunks.at(chunk.index)
      assert.ok(info !== undefined)
      assert.deepEqual(
        [
          info.compressedOffset,
          info.compressedSize,
          info.uncompressedOffset,
          info.uncompressedSize,
        ],
        [
          chunk.compressedOffset,
          chunk.compressedSize,
          chunk.uncompressedOffset,
          chunk.uncompressedSize,
        ],
      )
      const bytes = await reader.chunk(info, 'zstd')
      assert.deepEqual(Buffer.from(digestFunction('blake3')(bytes)), Buffer.from(chunk.digest))
      parts.push(bytes)
    }
    assert.ok(Buffer.concat(parts).equals(content), path)
  }
})

test('an image lists its blobs by digest, without the mark of a bootstrap inside', () => {
  const lower = makeLayer(files)
  const upper = makeLayer({ 'a/.wh.one': Buffer.alloc(0), 'a/three': Buffer.alloc(10, 'x') })
  const image = lower.layer.tree
  overlay(image, upper.layer.tree, { blobIndexes: [1], invented: upper.layer.invented })
  const blobs = [lower, upper].map(({ entry, digest, toc }) => imageBlobEntry(entry, digest, toc))
  const read = readRafsV6(bootstrapOf(image, { blobs, flags, prefetch: [ROOT] }), { what: 'image' })
  assert.deepEqual(
    read.blobs.map((b) => [b.blobId, b.features.toString(16), b.blobTocSize]),
    [
      [lower.digest, '70000021', 5 * 128 + 512],
      [upper.digest, '70000021', 5 * 128 + 512],
    ],
  )
  assert.deepEqual(
    listTree(read.tree).map((f) => [f.path, f.chunks?.map((c) => c.split(':')[0])]),
    [
      ['/', undefined],
      ['/a', undefined],
      ['/b', undefined],
      ['/empty', []],
      ['/a/three', ['1']],
      ['/a/two', ['0']],
      ['/b/same', ['0']],
    ],
  )
})

test('flags and features have the values that nydus writes', () => {
  const zstd = { compressor: 'zstd', digester: 'blake3', digests: true } as const
  assert.equal(nativeFlags({ ...zstd, xattrs: true }), 0x0100_01b4)
  assert.equal(nativeFlags({ ...zstd, xattrs: false }), 0x0100_0194)
  const { entry } = makeLayer({ f: Buffer.from('x') })
  assert.equal(entry.features, 0x7000_0023)
  assert.equal(imageBlobEntry(entry, 'a'.repeat(64)).features & BlobFeature.inlinedBootstrap, 0)
})
