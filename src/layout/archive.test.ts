import assert from 'node:assert/strict'
import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { isAccelError } from '../errors/accel-error.ts'
import { collect } from '../streams/byte-source.ts'
import { buildImage, buildLayer, buildLargeLayer, pushBuilt } from '../testing/image-builder.ts'
import { testTar, type TarBuilder } from '../testing/tar-builder.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { indexArchive } from './archive-index.ts'
import { openLayoutSource, openLayoutTarget } from './location.ts'

const image = buildImage({ layers: [buildLayer(testTar().file('a', 'a').bytes())] })

async function archive(t: TestContext, tar: TarBuilder | Uint8Array): Promise<string> {
  const path = join(await temporaryDirectory(t), 'a.tar')
  await writeFile(path, 'bytes' in tar ? tar.bytes() : tar)
  return path
}

test('files are found by their headers, links by what they name', async (t) => {
  const long = `${'d'.repeat(120)}/f`
  const tar = testTar()
    .global({ comment: 'x' })
    .directory('./a/')
    .file('./a/b', 'hello')
    .file('a/../c', 'c')
    .symlink('a/link', 'b')
    .symlink('x/link', '../a/link')
    .hardlink('hard', 'a/b')
    .symlink('loop', 'loop')
    .symlink('dangling', 'nowhere')
    .file(long, 'long', { xattrs: { 'user.a': 'b' } })
    .file('twice', 'first')
    .file('twice', 'second')
    .fifo('fifo')
  const path = await archive(t, tar)
  const { files } = await indexArchive(path, 'archive')
  const bytes = await readFile(path)
  const contents = Object.fromEntries(
    [...files].map(([name, { offset, size }]) => [
      name,
      bytes.subarray(offset, offset + size).toString(),
    ]),
  )
  assert.deepEqual(contents, {
    'a/b': 'hello',
    c: 'c',
    'a/link': 'hello',
    'x/link': 'hello',
    hard: 'hello',
    [long]: 'long',
    twice: 'second',
  })
})

const refused: [string, TarBuilder | Uint8Array][] = [
  ['a path above the root', testTar().file('../etc/passwd')],
  ['a path above the root by a way round', testTar().file('a/../../b')],
  ['an absolute path', testTar().file('/index.json')],
  ['a link above the root', testTar().symlink('a/b', '../../c')],
  ['an absolute link', testTar().symlink('a', '/etc/passwd')],
  ['a hard link above the root', testTar().hardlink('a', '../b')],
  ['gzip', gzipSync(testTar().bytes())],
  ['no tar', Buffer.alloc(2048, 'x')],
  ['a part of a header', testTar().file('a').bytes({ end: false }).subarray(0, 300)],
  ['a part of a file', testTar().file('a', 'a'.repeat(600)).bytes().subarray(0, 1000)],
  [
    'a part of an extension header',
    testTar()
      .file('a', '', { pax: { k: 'v'.repeat(600) } })
      .bytes()
      .subarray(0, 700),
  ],
]
for (const [what, tar] of refused) {
  test(`an archive with ${what} is refused`, async (t) => {
    const path = await archive(t, tar)
    await assert.rejects(indexArchive(path, 'archive'), { code: 'LAYOUT_INVALID' })
  })
}

test('an archive cut at any byte is refused, or ends between two entries', async (t) => {
  const tar = testTar()
    .file('a', 'a'.repeat(600), { pax: { k: 'v' } })
    .directory('d')
    .bytes()
  const path = await archive(t, tar)
  const boundaries = [0, 2560, 3072, 3584, 4096]
  for (let end = 0; end <= tar.length; end += 64) {
    await truncate(path, 0)
    await writeFile(path, tar.subarray(0, end))
    const read = indexArchive(path, 'archive')
    if (boundaries.includes(end) || end > 3072 || (end > 2048 + 88 && end < 2560)) await read
    else await assert.rejects(read, { code: 'LAYOUT_INVALID' }, `cut at ${end}`)
  }
})

test('an archive with any byte changed is read or refused', async (t) => {
  const path = await archive(t, testTar().file('a', 'a').symlink('b', 'a').bytes({ end: false }))
  const bytes = await readFile(path)
  const property = fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(254), async (at, by) => {
    const changed = Buffer.from(bytes)
    changed[at]! ^= by + 1
    await writeFile(path, changed)
    await indexArchive(path, 'archive').catch((error: unknown) => {
      assert.ok(isAccelError(error, 'LAYOUT_INVALID'), String(error))
    })
  })
  await fc.assert(property, { numRuns: 200 })
})

test('an archive that is not there cannot be read', async (t) => {
  const directory = await temporaryDirectory(t)
  const read = async (path: string) =>
    (await openLayoutSource(`oci-archive:${path}`)).source.resolve('x')
  await assert.rejects(read(join(directory, 'none')), { code: 'LAYOUT_UNREADABLE' })
  await assert.rejects(read(directory), { code: 'LAYOUT_UNREADABLE' })
})

test('an archive that another takes the place of is not mixed up with it', async (t) => {
  const path = join(await temporaryDirectory(t), 'a.tar')
  const push = async (tag: string) => {
    await using opened = await openLayoutTarget(`oci-archive:${path}`)
    await pushBuilt(image, opened.target, { tag })
  }
  await push('v1')
  const { source } = await openLayoutSource(`oci-archive:${path}`)
  const found = await source.resolve('v1')
  await push('v2')
  await assert.rejects(source.manifest(found), { code: 'LAYOUT_INVALID' })
})

test('a new archive is seen when it is complete, and holds only what is named', async (t) => {
  const directory = await temporaryDirectory(t)
  const path = join(directory, 'a.tar')
  await using opened = await openLayoutTarget(`oci-archive:${path}`)
  for (const blob of image.blobs) await opened.target.pushBlob(blob.descriptor, blob.open)
  await assert.rejects(stat(path), { code: 'ENOENT' })
  await pushBuilt(image, opened.target, { tag: 'v1' })
  assert.deepEqual(await readdir(directory), ['a.tar'])
  const first = await readFile(path)

  // The same again is the same tar; an image that lost its tag is gone.
  await pushBuilt(image, opened.target, { tag: 'v1' })
  const names = async () => [...(await indexArchive(path, 'archive')).files.keys()].sort()
  const before = await names()
  assert.equal(before.length, 5)
  const other = buildImage({ layers: [] })
  await pushBuilt(other, opened.target, { tag: 'v1' })
  assert.equal((await names()).length, 4)
  await pushBuilt(image, opened.target, { tag: 'v1' })
  assert.deepEqual(await names(), before)
  assert.equal((await readFile(path)).length, first.length)
})

test('a large layer goes in and out in pieces', async (t) => {
  const path = join(await temporaryDirectory(t), 'a.tar')
  const layer = buildLargeLayer(16 * 1024 * 1024)
  const large = buildImage({ layers: [layer] })
  await using opened = await openLayoutTarget(`oci-archive:${path}`)
  await pushBuilt(large, opened.target, { tag: 'v1' })
  const { source } = await openLayoutSource(`oci-archive:${path}`)
  let largest = 0
  let size = 0
  for await (const chunk of source.blob(layer.descriptor)) {
    largest = Math.max(largest, chunk.length)
    size += chunk.length
  }
  assert.equal(size, layer.descriptor.size)
  assert.ok(largest <= 1024 * 1024)
  // Leaving early closes the file.
  for await (const _ of source.blob(layer.descriptor)) break
  const config = large.blobs[0]!.descriptor
  assert.equal(
    (await collect(source.blob(config), config.size, () => new Error())).length,
    config.size,
  )
})
