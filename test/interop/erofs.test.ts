/** Bootstraps of RAFS v6 against the kernel's EROFS driver, and our EROFS reader against images of mkfs.erofs. */
import assert from 'node:assert/strict'
import { createHash, hash } from 'node:crypto'
import {
  closeSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { ErofsImage } from '../../src/formats/erofs/image.ts'
import type { ErofsInode } from '../../src/formats/erofs/inode.ts'
import { CHUNK_BASED } from '../../src/formats/erofs/layout.ts'
import { algorithmFlags, SuperFlags } from '../../src/formats/nydus-blob/algorithm.ts'
import { openPieceCompressor } from '../../src/formats/nydus-blob/chunk-codec.ts'
import { digestFunction } from '../../src/formats/nydus-blob/chunk-digest.ts'
import { ChunkWriter } from '../../src/formats/nydus-blob/chunk-writer.ts'
import { storeChunk } from '../../src/testing/store-chunk.ts'
import { BlobFeature } from '../../src/formats/nydus-blob/feature.ts'
import {
  decodeDevice,
  isDevice,
  isRegular,
  isSymlink,
  S_IFDIR,
  S_IFREG,
} from '../../src/formats/nydus-tree/file-mode.ts'
import { FileTree, ROOT } from '../../src/formats/nydus-tree/file-tree.ts'
import { nlinkOf, numberTree } from '../../src/formats/nydus-tree/numbering.ts'
import { overlay } from '../../src/formats/nydus-tree/overlay.ts'
import type { RafsV6Blob } from '../../src/formats/rafs-v6/layout.ts'
import { planRafsV6, type RafsV6Init } from '../../src/formats/rafs-v6/plan.ts'
import { readRafsV6 } from '../../src/formats/rafs-v6/read.ts'
import { writeRafsV6 } from '../../src/formats/rafs-v6/write.ts'
import { randomTree, seeded } from '../../src/testing/random-file-tree.ts'
import { output } from './command.ts'
import { directoryTree, mountedTree, type SeenFile } from './erofs-tree.ts'
import { kernelReason, lacking, stateFolder } from './programs.ts'

const flags =
  algorithmFlags('none', 'blake3') |
  SuperFlags.explicitUidGid |
  SuperFlags.hasXattr |
  SuperFlags.encryptionNone
const fixtures = join(import.meta.dirname, '../fixtures/nydus')

mkdirSync(stateFolder, { recursive: true })
const folder = mkdtempSync(join(stateFolder, 'erofs-'))
const mountPoint = join(folder, 'mnt')
mkdirSync(mountPoint)
after(() => rmSync(folder, { recursive: true, force: true }))

function blobEntry(index: number, chunkCount: number, uncompressedSize: number): RafsV6Blob {
  return {
    blobId: String(index).padStart(64, '0'),
    blobIndex: index,
    chunkSize: 0,
    chunkCount,
    compressor: 0,
    digester: 0,
    features: BlobFeature.aligned | BlobFeature.capTarToc,
    compressedSize: uncompressedSize,
    uncompressedSize,
    blobTocSize: 0,
    ciCompressor: 0,
    ciOffset: uncompressedSize,
    ciCompressedSize: chunkCount * 16,
    ciUncompressedSize: chunkCount * 16,
    blobTocDigest: new Uint8Array(32),
    blobMetaDigest: new Uint8Array(32),
    blobMetaSize: new Uint8Array(8),
    cipherIv: new Uint8Array(8),
    cipher: 0,
  }
}

function writeBootstrap(name: string, tree: FileTree, init: RafsV6Init): string {
  const path = join(folder, name)
  const blobs = init.blobs.map((blob) => ({ ...blob, chunkSize: tree.inodes.chunkSize }))
  writeFileSync(path, Buffer.concat([...writeRafsV6(planRafsV6(tree, { ...init, blobs }))]))
  return path
}

/** What a mount of `tree` must show; `contentOf` gives the bytes of a chunk, by id. Directory sizes are left out. */
function expected(tree: FileTree, contentOf?: (id: number) => Uint8Array): SeenFile[] {
  const { inodes } = tree
  const numbering = numberTree(tree)
  const paths: string[] = []
  const files = Array.from(numbering.node, (node, position): SeenFile => {
    const inode = tree.inodeOf(node)
    const mode = inodes.mode(inode)
    const parent = paths[numbering.parent[position] as number]
    const name = Buffer.from(tree.nameOf(node)).toString('latin1')
    const path = position === 0 ? '/' : `${parent === '/' ? '' : parent}/${name}`
    paths.push(path)
    const xattrs = inodes.xattrs
      .get(inodes.xattrSet(inode))
      .map((x) => [Buffer.from(x.name).toString('latin1'), Buffer.from(x.value).toString('hex')])
    const file: SeenFile = {
      path,
      mode: mode.toString(8),
      uid: inodes.uid(inode),
      gid: inodes.gid(inode),
      mtime: String(
        BigInt(inodes.mtime(inode)) * 1_000_000_000n + BigInt(inodes.mtimeNanoseconds(inode)),
      ),
      size: inodes.sizeOf(inode),
      nlink: nlinkOf(tree, numbering, position),
      ino: isRegular(mode) ? (numbering.firstName[inode] as number) : position,
      xattrs: Object.fromEntries(xattrs) as Record<string, string>,
    }
    if (isSymlink(mode)) file.target = Buffer.from(inodes.target(inode)).toString('latin1')
    if (isDevice(mode)) {
      const { major, minor } = decodeDevice(inodes.device(inode))
      file.device = [major, minor]
    }
    if (isRegular(mode) && contentOf !== undefined) {
      const sha256 = createHash('sha256')
      for (let i = 0; i < inodes.chunkCount(inode); i++)
        sha256.update(contentOf(inodes.chunkAt(inode, i)))
      file.sha256 = sha256.digest('hex')
    }
    return file
  })
  return comparable(files)
}

/** Sorted by path, without sizes of directories; inode numbers become the first path that has them. */
function comparable(files: readonly SeenFile[]): SeenFile[] {
  const sorted = files.toSorted((a, b) =>
    Buffer.compare(Buffer.from(a.path, 'latin1'), Buffer.from(b.path, 'latin1')),
  )
  const first = new Map<number, number>()
  return sorted.map((file, i) => {
    if (!first.has(file.ino)) first.set(file.ino, i)
    const directory = file.mode.startsWith('4')
    return { ...file, size: directory ? 0 : file.size, ino: first.get(file.ino) ?? 0 }
  })
}

suite('the kernel mounts RAFS v6', { skip: kernelReason() }, () => {
  test('trees of every kind of file, with their content on extra devices', async () => {
    for (const [seed, names, blobs] of [
      [1, 300, 1],
      [2, 900, 3],
      [3, 2500, 30],
      [4, 60, 0],
    ] as const) {
      const made = randomTree({
        seed,
        names,
        blobs,
        acl: false,
        chunkSize: seed === 2 ? 8192 : 4096,
      })
      const { chunks } = made.tree.inodes
      const contents = new Map<number, Uint8Array>()
      const contentOf = (id: number): Uint8Array => {
        const known = contents.get(id)
        if (known !== undefined) return known
        const random = seeded(seed * 100_000 + id)
        const bytes = Uint8Array.from({ length: chunks.uncompressedSizeOf(id) }, () => random(256))
        contents.set(id, bytes)
        return bytes
      }
      const devices = made.blobs.map((blob, index) => {
        const path = join(folder, `device-${seed}-${index}`)
        const file = openSync(path, 'w')
        ftruncateSync(file, blob.uncompressedSize)
        for (let id = 0; id < chunks.length; id++) {
          if (chunks.blobIndexOf(id) === index)
            writeSync(file, contentOf(id), 0, undefined, chunks.uncompressedOffsetOf(id))
        }
        closeSync(file)
        return path
      })
      const entries = made.blobs.map((blob, i) =>
        blobEntry(i, blob.chunkCount, blob.uncompressedSize),
      )
      const image = writeBootstrap(`random-${seed}.boot`, made.tree, {
        blobs: entries,
        flags,
        prefetch: [ROOT],
      })
      const seen = await mountedTree({ image, devices, target: mountPoint, contents: true })
      assert.deepEqual(comparable(seen), expected(made.tree, contentOf), `seed ${seed}`)
    }
  })

  test('two layers, packed without compression and put over each other', async () => {
    const bytes = (text: string, length: number): Buffer => Buffer.alloc(length, text)
    const attributes = { uid: 7, gid: 8, mtime: 1_700_000_000, mtimeNanoseconds: 5, xattrSet: 0 }
    const layer = (index: number, files: Record<string, Buffer>) => {
      const tree = new FileTree({ what: `layer ${index}`, chunkSize: 0x10000 })
      const compressor = openPieceCompressor('none')
      const digest = digestFunction('blake3')
      const { chunks } = tree.inodes
      const packer = new ChunkWriter({
        chunks,
        blobIndex: 0,
        digest,
        alignment: 4096,
        what: 'test',
      })
      const device: Buffer[] = []
      for (const [name, content] of Object.entries(files)) {
        const ids: number[] = []
        for (let at = 0; at < content.length; at += 0x10000) {
          const { id, stored } = storeChunk(packer, compressor, content.subarray(at, at + 0x10000))
          ids.push(id)
          if (stored !== undefined)
            device.push(Buffer.concat([stored], Math.ceil(stored.length / 4096) * 4096))
        }
        const inode = tree.inodes.add({ ...attributes, mode: S_IFREG | 0o640 })
        tree.inodes.setContent(inode, content.length, ids)
        tree.add(ROOT, Buffer.from(name), inode)
      }
      const path = join(folder, `layer-${index}`)
      writeFileSync(path, Buffer.concat(device))
      return { tree, path, entry: blobEntry(index, packer.count, packer.uncompressedSize) }
    }
    const big = Buffer.concat([bytes('a', 0x10000), bytes('b', 0x10000), bytes('c', 100)])
    const lower = layer(0, {
      kept: bytes('k', 5000),
      gone: bytes('g', 10),
      changed: bytes('l', 70_000),
      big,
    })
    const upper = layer(1, {
      changed: bytes('u', 70_001),
      twin: bytes('u', 70_001),
      '.wh.gone': Buffer.alloc(0),
    })
    overlay(lower.tree, upper.tree, { blobIndexes: [1], invented: new Set([ROOT]) })
    const image = writeBootstrap('merged.boot', lower.tree, {
      blobs: [lower.entry, upper.entry],
      flags,
    })
    const devices = [lower.path, upper.path]
    const seen = await mountedTree({ image, devices, target: mountPoint, contents: true })
    const contents = {
      kept: bytes('k', 5000),
      changed: bytes('u', 70_001),
      twin: bytes('u', 70_001),
      big,
    }
    const digests = new Map(seen.slice(1).map((f) => [f.path.slice(1), f.sha256]))
    assert.deepEqual(
      digests,
      new Map(Object.entries(contents).map(([name, content]) => [name, hash('sha256', content)])),
    )
    // Without devices of its own the kernel finds them behind the bootstrap, where the device slots map them.
    const { devices: slots } = readRafsV6(readFileSync(image), { what: 'test' })
    const flat = join(folder, 'flat.img')
    const file = openSync(flat, 'w')
    writeSync(file, readFileSync(image), 0, undefined, 0)
    slots.forEach(({ mappedBlkaddr }, i) => {
      writeSync(file, readFileSync(devices[i] as string), 0, undefined, mappedBlkaddr * 4096)
    })
    closeSync(file)
    assert.deepEqual(await mountedTree({ image: flat, target: mountPoint, contents: true }), seen)
  })

  test('a bootstrap of nydus as our reader reads it, and as our writer writes it again', async () => {
    const golden = gunzipSync(readFileSync(join(fixtures, 'v6-image-raw-size-438272.boot.gz')))
    const { tree, blobs, extended } = readRafsV6(golden, { what: 'golden' })
    const device = join(folder, 'dummy')
    const file = openSync(device, 'w')
    ftruncateSync(file, 20451 * 4096)
    closeSync(file)
    const image = join(folder, 'golden.boot')
    writeFileSync(image, golden)
    const init = { devices: [device], target: mountPoint, contents: false }
    const seen = comparable(await mountedTree({ image, ...init }))
    // Its writer gave hard links an inode each and the count of all.
    const links = new Set([
      '/usr/bin/gunzip',
      '/usr/bin/perl',
      '/usr/bin/perl5.34.0',
      '/usr/bin/uncompress',
    ])
    assert.deepEqual(
      seen.map((f) => (links.has(f.path) ? { ...f, nlink: f.nlink - 1 } : f)),
      expected(tree),
    )
    const again = writeBootstrap('again.boot', tree, { blobs, flags: extended.flagsLow })
    assert.deepEqual(comparable(await mountedTree({ image: again, ...init })), expected(tree))
  })

  test('an access control list, and 20,000 files in one directory', async () => {
    const tree = new FileTree({ what: 'many' })
    const attributes = { uid: 0, gid: 0, mtime: 0, mtimeNanoseconds: 0 }
    // Version 2; user::rw-, user:1000:r--, group::r--, mask::r--, other::---.
    const acl = Buffer.from(
      '0200000001000600ffffffff02000400e803000004000400ffffffff10000400ffffffff20000000ffffffff',
      'hex',
    )
    const xattrSet = tree.inodes.xattrs.add(
      [{ name: Buffer.from('system.posix_acl_access'), value: acl }],
      'many',
    )
    const parent = tree.add(
      ROOT,
      Buffer.from('d'),
      tree.inodes.add({ ...attributes, mode: S_IFDIR | 0o755, xattrSet: 0 }),
    )
    for (let i = 0; i < 20_000; i++) {
      const set = i === 5 ? xattrSet : 0
      tree.add(
        parent,
        Buffer.from(`file-${i}`),
        tree.inodes.add({ ...attributes, mode: S_IFREG | 0o640, xattrSet: set }),
      )
    }
    const image = writeBootstrap('many.boot', tree, { blobs: [], flags })
    const seen = comparable(await mountedTree({ image, target: mountPoint, contents: false }))
    assert.equal(seen.length, 20_002)
    assert.deepEqual(seen, expected(tree))
  })
})

suite(
  'our EROFS reader reads images of mkfs.erofs',
  { skip: lacking('python3', 'mkfs.erofs', 'setfattr') },
  () => {
    const variants: Record<string, string[]> = {
      'extended inodes': [],
      'compact inodes and shared attributes': ['-T1600000000', '-x1', '--all-root'],
      'files in chunks': ['--chunksize=8192'],
      'files in chunks on a device': ['--chunksize=4096', '--blobdev'],
    }
    for (const [name, options] of Object.entries(variants)) {
      test(name, async () => {
        const source = mkdtempSync(join(folder, 'source-'))
        await fillDirectory(source)
        const image = join(folder, 'made.erofs')
        const device = join(folder, 'made.blob')
        rmSync(device, { force: true })
        const args = options.map((option) =>
          option === '--blobdev' ? `--blobdev=${device}` : option,
        )
        await output('mkfs.erofs', [...args, image, source])
        const want = await directoryTree(source)
        const [fixed, root] = [options.includes('-T1600000000'), options.includes('--all-root')]
        assert.deepEqual(
          comparable(
            readImage(
              readFileSync(image),
              options.includes('--blobdev') ? readFileSync(device) : undefined,
            ),
          ),
          comparable(want).map((f) => ({
            ...f,
            mtime: fixed ? '1600000000000000000' : f.mtime,
            ...(root ? { uid: 0, gid: 0 } : {}),
          })),
        )
      })
    }
  },
)

async function fillDirectory(top: string): Promise<void> {
  const random = seeded(11)
  mkdirSync(join(top, 'many'))
  for (let i = 0; i < 500; i++) {
    const size = [0, 1, 100, 4096, 4097, 20_000][i % 6] ?? 0
    writeFileSync(
      join(top, 'many', `file-${i}`),
      Buffer.from(Array.from({ length: size }, () => random(256))),
    )
  }
  linkSync(join(top, 'many/file-2'), join(top, 'link'))
  symlinkSync('many/file-1', join(top, 'symlink'))
  lchownSync(join(top, 'many/file-3'), 70_000, 80_000)
  for (const file of ['file-4', 'file-5', 'file-7']) {
    await output('setfattr', ['-n', 'user.shared', '-v', 'the same value', join(top, 'many', file)])
  }
  await output('setfattr', ['-n', 'user.own', '-v', 'another', join(top, 'many/file-5')])
  await output('setfattr', ['-n', 'trusted.dir', '-v', '1', join(top, 'many')])
}

/** All that an image holds, by our reader. */
function readImage(bytes: Buffer, device: Buffer | undefined): SeenFile[] {
  const image = new ErofsImage(bytes, 'made')
  const seen: SeenFile[] = []
  const walk = (inode: ErofsInode, path: string): void => {
    const mode = inode.mode
    const file: SeenFile = {
      path,
      mode: mode.toString(8),
      uid: inode.uid,
      gid: inode.gid,
      mtime: String(BigInt(inode.mtime) * 1_000_000_000n + BigInt(inode.mtimeNsec)),
      size: inode.size,
      nlink: inode.nlink,
      ino: inode.nid,
      xattrs: Object.fromEntries(
        image
          .xattrs(inode)
          .map((x) => [Buffer.from(x.name).toString(), Buffer.from(x.value).toString('hex')]),
      ),
    }
    if (isSymlink(mode)) file.target = Buffer.from(image.symlinkTarget(inode)).toString()
    if (isRegular(mode))
      file.sha256 = hash('sha256', contentOf(image, inode, [bytes, device ?? bytes]))
    seen.push(file)
    if (!mode.toString(8).startsWith('4')) return
    for (const entry of image.entries(inode)) {
      const name = Buffer.from(entry.name).toString()
      if (name !== '.' && name !== '..')
        walk(image.inode(entry.nid), `${path === '/' ? '' : path}/${name}`)
    }
  }
  walk(image.root(), '/')
  return seen
}

function contentOf(image: ErofsImage, inode: ErofsInode, devices: readonly Buffer[]): Buffer {
  if (inode.dataLayout !== CHUNK_BASED) return Buffer.from(image.data(inode))
  const content = Buffer.alloc(inode.size)
  for (const { position, device, offset, length } of image.chunkExtents(inode)) {
    devices[device]?.copy(content, position, offset, offset + length)
  }
  return content
}
