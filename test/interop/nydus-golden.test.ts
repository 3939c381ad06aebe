/**
 * Bootstraps that today's nydus-image writes: our readers read them whole, and our writers write what was read again byte
 * for byte. So the two place, number and sort everything alike.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { isDevice } from '../../src/formats/nydus-tree/file-mode.ts'
import { ALIGNMENT, InodeFlag, RafsV5Inode } from '../../src/formats/rafs-v5/layout.ts'
import { planRafsV5, type RafsV5Plan } from '../../src/formats/rafs-v5/plan.ts'
import { readRafsV5 } from '../../src/formats/rafs-v5/read.ts'
import { writeRafsV5 } from '../../src/formats/rafs-v5/write.ts'
import { planRafsV6 } from '../../src/formats/rafs-v6/plan.ts'
import { readRafsV6 } from '../../src/formats/rafs-v6/read.ts'
import { writeRafsV6 } from '../../src/formats/rafs-v6/write.ts'
import { testTar } from '../../src/testing/tar-builder.ts'
import {
  bootstrapOf,
  createLayer,
  createReference,
  mergeLayers,
  type NydusImageInit,
} from './nydus-image.ts'
import { lacking, stateFolder } from './programs.ts'

/** Bytes that do not compress. */
function noise(size: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(size / 32) }, (_, i) =>
    createHash('sha256').update(`${size} ${i}`).digest(),
  )
  return Buffer.concat(blocks).subarray(0, size)
}

/**
 * Every kind of entry that nydus-image takes; names, sizes and directories around what decides on placement. No file has
 * two attributes: nydus-image writes them in the order of a hash map.
 */
function lower(): Uint8Array {
  const at = { mtime: 1_600_000_000 }
  const tar = testTar().directory('sizes/', at).directory('names/', at).directory('links/', at)
  for (const size of [0, 1, 4095, 4096, 4097, 65_536, 1_048_576, 1_048_577, 9_437_185]) {
    tar.file(`sizes/${size}`, noise(size), { ...at, mode: 0o640, uid: size % 7000, gid: 4 })
  }
  tar.file('sizes/zeros', Buffer.alloc(3 * 1024 * 1024), at).file('sizes/same', noise(65_536), at)
  for (let length = 1; length <= 255; length++) tar.file(`names/${'n'.repeat(length)}`, '', at)
  for (let i = 0; i < 400; i++) tar.file(`many/${i}`, String(i % 9), at)
  for (const length of [1, 60, 3900, 3983, 3984, 3985, 4000, 4095]) {
    tar.symlink(`links/symlink-${length}`, 't'.repeat(length), at)
  }
  tar.file('links/a', 'linked', at).hardlink('links/b', 'links/a', at)
  tar.hardlink('names/also', 'links/a', at)
  tar.character('null', 1, 3, at).block('loop', 7, 300, at).fifo('fifo', at)
  for (const size of [0, 1, 100, 3900, 5000]) {
    tar.file(`xattr-${size}`, 'x', { ...at, xattrs: { 'user.a': 'v'.repeat(size) } })
  }
  return tar.directory('empty/', { ...at, mode: 0o1777 }).bytes()
}

function upper(): Uint8Array {
  const at = { mtime: 1_600_000_100 }
  return testTar()
    .directory('links/', at)
    .whiteout('links/symlink-1')
    .file('sizes/4096', noise(5000), at)
    .file('new', noise(65_536), at)
    .directory('names/', at)
    .file('names/.wh..wh..opq', '', at)
    .file('names/only', 'o', at)
    .bytes()
}

function again6(golden: Uint8Array): Buffer {
  const { tree, blobs, extended, prefetch } = readRafsV6(golden, { what: 'golden' })
  const plan = planRafsV6(tree, { blobs, flags: extended.flagsLow, prefetch })
  return Buffer.concat([...writeRafsV6(plan)])
}

function again5(golden: Uint8Array): { plan: RafsV5Plan; bytes: Buffer } {
  const { tree, blobs, superblock, prefetch } = readRafsV5(golden, { what: 'golden' })
  const plan = planRafsV5(tree, { blobs, flags: superblock.flagsLow, prefetch })
  return { plan, bytes: Buffer.concat([...writeRafsV5(plan)]) }
}

/**
 * Takes out what the tar builder alone writes and no reader looks at: the device number, all ones, of what has an entry and
 * is no device, and the flag of a hard link, which is known by its link count.
 */
function withoutUnread(golden: Uint8Array, { tree, numbering, record }: RafsV5Plan): Buffer {
  const bytes = Buffer.from(golden)
  numbering.node.forEach((node, position) => {
    const start = (record[position] as number) * ALIGNMENT
    const [rdev, flags] = [RafsV5Inode.offsetOf('rdev'), RafsV5Inode.offsetOf('flags')]
    const odd = !isDevice(tree.mode(node)) && bytes.readUInt32LE(start + rdev) === 0xffff_ffff
    if (odd) bytes.writeUInt32LE(0, start + rdev)
    bytes[start + flags]! &= ~InodeFlag.hardlink
  })
  return bytes
}

suite('bootstraps of nydus-image, written again', { skip: lacking('nydus-image') }, () => {
  let folder = ''
  let tars: string[] = []
  before(() => {
    mkdirSync(stateFolder, { recursive: true })
    folder = mkdtempSync(join(stateFolder, 'nydus-golden-'))
    tars = [lower(), upper()].map((bytes, i) => {
      const path = join(folder, `${i}.tar`)
      writeFileSync(path, bytes)
      return path
    })
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** The bootstraps of both layers, and the one that they are merged to. */
  const made = async (init: NydusImageInit): Promise<Uint8Array[]> => {
    const blobs: string[] = []
    for (const tar of tars) blobs.push(await createLayer(tar, folder, init))
    const merged = readFileSync(await mergeLayers(blobs, folder))
    return [...(await Promise.all(blobs.map(bootstrapOf))), merged]
  }

  const variants: Record<string, Omit<NydusImageInit, 'fsVersion'>> = {
    zstd: { compressor: 'zstd' },
    lz4_block: { compressor: 'lz4_block' },
    none: { compressor: 'none' },
    'small chunks': { compressor: 'zstd', chunkSize: '0x1000' },
    batches: { compressor: 'zstd', batchSize: '0x100000' },
  }
  for (const [name, init] of Object.entries(variants)) {
    test(`v6, ${name}: the same bytes`, async () => {
      for (const golden of await made({ ...init, fsVersion: 6 })) {
        assert.ok(again6(golden).equals(golden))
      }
    })
  }

  test('v6, references to gzip layers: the same bytes', async () => {
    for (const tar of tars) {
      const layer = `${tar}.gz`
      writeFileSync(layer, gzipSync(readFileSync(tar)))
      const golden = await bootstrapOf(await createReference(layer, folder))
      assert.ok(again6(golden).equals(golden))
    }
  })

  for (const name of ['zstd', 'none', 'small chunks']) {
    test(`v5, ${name}: the same bytes but for what nobody reads`, async () => {
      for (const golden of await made({ ...variants[name]!, fsVersion: 5 })) {
        const { plan, bytes } = again5(golden)
        assert.ok(bytes.equals(withoutUnread(golden, plan)))
      }
    })
  }
})
