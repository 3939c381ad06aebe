import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LayerTree } from '../../formats/nydus-tree/layer-tree.ts'
import { listTree, type ListedFile } from '../../formats/nydus-tree/listing.ts'
import { readTar } from '../../testing/read-tar.ts'
import { testTar, type TarBuilder } from '../../testing/tar-builder.ts'
import { Warnings } from '../warnings.ts'
import { LayerEntries } from './layer-entries.ts'
import { ImageMerge, type MergedImage, type MergeLayer } from './merge-layers.ts'
import { rafsOf, type RafsBlob } from './rafs.ts'

const OWN = 'x'.repeat(64)

function blobOf(blobId: string): RafsBlob {
  return { blobId, chunkCount: 1, features: 0 }
}

/** A layer of empty files, or whose files have one chunk each, of the blobs in turn. */
function layer(tar: TarBuilder, blobId: string, blobs: string[] = []): MergeLayer {
  const made = new LayerTree({ what: 'a layer' })
  const entries = new LayerEntries(made, new Warnings())
  const { inodes } = made.tree
  let files = 0
  for (const { entry } of readTar(tar.bytes()).entries) {
    const inode = entries.take(entry)
    if (inode === undefined) continue
    const blobIndex = files++ % blobs.length
    const chunk = inodes.chunks.add({
      digest: new Uint8Array(32).fill(files),
      blobIndex,
      index: files,
      flags: 0,
      compressedOffset: 0,
      compressedSize: 1,
      uncompressedOffset: 0,
      uncompressedSize: entry.size,
      crc32: 0,
    })
    inodes.setContent(inode, entry.size, [chunk])
  }
  const bootstrap = {
    tree: made.tree,
    blobs: blobs.map(blobOf),
    compressor: 'zstd' as const,
    digester: 'blake3' as const,
  }
  const detail = entries.detail()
  return { bootstrap, detail, what: `layer ${blobId}`, blob: { id: blobId, size: 1 } }
}

function merged(...layers: MergeLayer[]): MergedImage {
  const merge = new ImageMerge(rafsOf(5))
  for (const one of layers) merge.add(one)
  return merge.finish()
}

function filesOf({ tree }: MergedImage): Map<string, ListedFile> {
  return new Map(listTree(tree).map((file) => [file.path, file]))
}

test('directories without an entry keep what the layers below say; others do not', () => {
  const files = filesOf(
    merged(
      layer(testTar().directory('./', { mode: 0o711 }).directory('a/', { uid: 7 }), '1'),
      layer(testTar().file('a/f').directory('b/', { uid: 8 }), '2'),
      layer(testTar().directory('a/', { uid: 9 }).file('c/d/f'), '3'),
    ),
  )
  assert.equal(files.get('/')!.mode, '40711')
  assert.equal(files.get('/a')!.uid, 9)
  assert.equal(files.get('/b')!.uid, 8)
  assert.equal(files.get('/c/d')!.mode, '40755')
})

test('a hard link to a lower layer is to what was there before its layer', () => {
  const base = layer(testTar().file('f', '', { uid: 1 }).file('gone', '', { uid: 2 }), '1')
  const above = layer(
    testTar()
      .hardlink('old', 'f')
      .file('f', '', { uid: 3 })
      .hardlink('kept', 'gone')
      .whiteout('gone')
      .hardlink('first', 'later')
      .file('later', '', { uid: 4 }),
    '2',
  )
  const files = filesOf(merged(base, above))
  const owners = ['/old', '/f', '/kept', '/first', '/later'].map((path) => files.get(path)!.uid)
  assert.deepEqual(owners, [1, 3, 2, 4, 4])
  assert.ok(!files.has('/gone'))
  assert.equal(files.get('/first')!.nlink, 2)
})

test('a hard link goes through links of the layers below, and takes the place of what is there', () => {
  const base = layer(
    testTar()
      .file('usr/lib/x', '', { uid: 5 })
      .symlink('lib', 'usr/lib')
      .directory('d/')
      .file('d/f'),
    '1',
  )
  const files = filesOf(merged(base, layer(testTar().hardlink('d', 'lib/x'), '2')))
  assert.equal(files.get('/d')!.uid, 5)
  assert.ok(!files.has('/d/f'))
})

test('blobs: by first use, own ones by their layer, those of a dictionary by their id, unused ones not', () => {
  const dictionary = 'd'.repeat(64)
  const image = merged(
    layer(testTar().file('z', '1').file('y', '2'), '1', [OWN, dictionary]),
    layer(testTar().file('a', '3'), '2', [OWN]),
    layer(testTar().file('gone', '4'), '3', [OWN]),
    layer(testTar().whiteout('gone').file('b', '5'), '4', [dictionary]),
  )
  assert.deepEqual(
    image.blobs.map(({ blobId }) => blobId),
    ['2', dictionary, '1'],
  )
  const blobs = listTree(image.tree).flatMap(({ path, chunks = [] }) =>
    chunks.map((chunk) => `${path} ${chunk.split(':')[0]}`),
  )
  assert.deepEqual(blobs, ['/a 0', '/b 1', '/y 1', '/z 2'])
})
