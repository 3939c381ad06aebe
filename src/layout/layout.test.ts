import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { OCI_REF_NAME } from '../oci/annotation.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf, hexOf } from '../oci/digest.ts'
import { parseIndex } from '../oci/manifest.ts'
import { collect } from '../streams/byte-source.ts'
import {
  buildAttestation,
  buildCosignSignature,
  buildImage,
  buildIndex,
  buildLayer,
  pushBuilt,
  type BuiltImage,
} from '../testing/image-builder.ts'
import { testTar } from '../testing/tar-builder.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import type { ImageSource } from '../transport/image-transport.ts'
import { openLayoutSource, openLayoutTarget } from './location.ts'

// What holds for every layout that is written and read, however it is kept.

const layer = buildLayer(testTar().file('a', 'a'.repeat(70_000)).bytes())
const amd64 = buildImage({ layers: [layer] })
const arm64 = buildImage({
  layers: [layer, buildLayer(testTar().file('b', 'b').bytes())],
  platform: { os: 'linux', architecture: 'arm64' },
})
const nested = buildIndex([buildIndex([amd64]), arm64, buildAttestation(amd64)])

/** Reads an image and all that it names, which verifies it. */
async function readAll(source: ImageSource, descriptor: Descriptor): Promise<string[]> {
  const bytes = await source.manifest(descriptor)
  assert.equal(digestOf(bytes), descriptor.digest)
  const read: string[] = [descriptor.digest]
  const { manifests, config, layers } = JSON.parse(Buffer.from(bytes).toString()) as {
    manifests?: Descriptor[]
    config?: Descriptor
    layers?: Descriptor[]
  }
  for (const child of manifests ?? []) read.push(...(await readAll(source, child)))
  for (const blob of [config, ...(layers ?? [])]) {
    if (blob === undefined) continue
    const content = await collect(source.blob(blob), blob.size, () => new Error('too long'))
    assert.equal(digestOf(content), blob.digest)
    read.push(blob.digest)
  }
  return read
}

function plain({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size }
}

for (const kind of ['oci', 'oci-archive'] as const) {
  const start = async (t: TestContext) => {
    const path = join(await temporaryDirectory(t), 'layout')
    const push = async (image: BuiltImage, tag?: string) => {
      await using opened = await openLayoutTarget(`${kind}:${path}`)
      await pushBuilt(image, opened.target, tag === undefined ? {} : { tag })
    }
    const source = async () => (await openLayoutSource(`${kind}:${path}`)).source
    return { path, push, source }
  }

  test(`${kind}: what was pushed is read, by tag, by digest, alone`, async (t) => {
    const { push, source } = await start(t)
    await push(nested, 'v1')
    const from = await source()
    const found = await from.resolve('v1')
    assert.deepEqual(found, plain(nested.descriptor))
    assert.equal((await readAll(from, found)).length, 12)
    assert.deepEqual(await from.resolve(undefined), found)
    assert.deepEqual(await from.resolve(nested.descriptor.digest), found)
    assert.deepEqual(await from.resolve(arm64.descriptor.digest), plain(arm64.descriptor))
    await assert.rejects(from.resolve('v2'), { code: 'CONTENT_NOT_FOUND' })
    await assert.rejects(from.resolve(digestOf('none')), { code: 'CONTENT_NOT_FOUND' })
  })

  test(`${kind}: other tags are kept, the same one is moved`, async (t) => {
    const { push, source } = await start(t)
    await push(nested, 'v1')
    await push(amd64, 'v2')
    await push(arm64, 'v2')
    const from = await source()
    assert.deepEqual(await from.resolve('v1'), plain(nested.descriptor))
    assert.deepEqual(await from.resolve('v2'), plain(arm64.descriptor))
    assert.equal((await readAll(from, await from.resolve('v1'))).length, 12)
    assert.equal((await readAll(from, await from.resolve('v2'))).length, 4)
    await assert.rejects(from.resolve(undefined), {
      code: 'LAYOUT_TAG_NEEDED',
      context: { location: from.name, tags: ['v1', 'v2'] },
    })
    await push(amd64, 'latest')
    assert.deepEqual(await (await source()).resolve(undefined), plain(amd64.descriptor))
  })

  test(`${kind}: a target tells what it has`, async (t) => {
    const { path } = await start(t)
    await using opened = await openLayoutTarget(`${kind}:${path}:v1`)
    const { target, tag } = opened
    assert.equal(tag, 'v1')
    assert.equal(await target.find('v1'), undefined)
    const [, blob] = amd64.blobs
    assert.equal(await target.hasBlob(blob!.descriptor), false)
    const progress: number[] = []
    const init = { onProgress: (bytes: number) => progress.push(bytes) }
    assert.equal(await target.pushBlob(blob!.descriptor, blob!.open, init), 'uploaded')
    assert.deepEqual(progress, [blob!.descriptor.size])
    assert.equal(await target.pushBlob(blob!.descriptor, blob!.open), 'exists')
    assert.equal(await target.hasBlob(blob!.descriptor), true)
    await pushBuilt(amd64, target, { tag: 'v1' })
    assert.deepEqual(await target.find('v1'), plain(amd64.descriptor))
    assert.equal(await target.pushBlob(blob!.descriptor, blob!.open), 'exists')
    await pushBuilt(amd64, target, { tag: 'v2' })
    assert.deepEqual(await target.find('v1'), plain(amd64.descriptor))
    assert.deepEqual(await target.find('v2'), plain(amd64.descriptor))
  })

  test(`${kind}: pushed from many sides, all tags are there`, async (t) => {
    const { path, source } = await start(t)
    await using opened = await openLayoutTarget(`${kind}:${path}`)
    const tags = ['a', 'b', 'c', 'd', 'e']
    await Promise.all(tags.map((tag) => pushBuilt(nested, opened.target, { tag })))
    const from = await source()
    for (const tag of tags) assert.deepEqual(await from.resolve(tag), plain(nested.descriptor))
    assert.equal((await readAll(from, nested.descriptor)).length, 12)
  })

  test(`${kind}: bytes that are not what they are said to be leave nothing`, async (t) => {
    const { path } = await start(t)
    await using opened = await openLayoutTarget(`${kind}:${path}`)
    const { target } = opened
    const { descriptor } = layer
    const wrong: [string, () => AsyncGenerator<Uint8Array>][] = [
      ['CONTENT_DIGEST_MISMATCH', () => pieces(new Uint8Array(descriptor.size))],
      ['CONTENT_SIZE_MISMATCH', () => pieces(new Uint8Array(descriptor.size - 1))],
      ['CONTENT_SIZE_MISMATCH', () => pieces(new Uint8Array(descriptor.size + 1))],
    ]
    for (const [code, open] of wrong) {
      await assert.rejects(target.pushBlob(descriptor, open), { code })
      assert.equal(await target.hasBlob(descriptor), false)
    }
    const broken = async function* () {
      yield new Uint8Array(10)
      throw new RangeError('the source broke')
    }
    await assert.rejects(target.pushBlob(descriptor, broken), RangeError)
    await assert.rejects(target.pushManifest(new Uint8Array(2), amd64.descriptor))
    await pushBuilt(amd64, target, { tag: 'v1' })
    const { source } = await openLayoutSource(`${kind}:${path}`)
    assert.equal((await readAll(source, await source.resolve('v1'))).length, 3)
    const left = await readdir(join(path, '..'), { recursive: true })
    assert.deepEqual(
      left.filter((file) => /partial|\.new-/.test(file)),
      [],
    )
  })

  test(`${kind}: a blob is read in pieces, into memory of the reader too`, async (t) => {
    const { push, source } = await start(t)
    await push(amd64, 'v1')
    const from = await source()
    const scratch = new Uint8Array(1000)
    const read: Uint8Array[] = []
    for await (const piece of from.blob(layer.descriptor, { scratch })) {
      assert.equal(piece.buffer, scratch.buffer)
      read.push(piece.slice())
    }
    assert.equal(digestOf(Buffer.concat(read)), layer.descriptor.digest)
  })

  test(`${kind}: a push that is cancelled ends, and what is given up leaves nothing`, async (t) => {
    const { path } = await start(t)
    const abort = new AbortController()
    const opened = await openLayoutTarget(`${kind}:${path}`)
    const open = async function* () {
      yield new Uint8Array(1)
      abort.abort()
      yield new Uint8Array(layer.descriptor.size - 1)
    }
    await assert.rejects(opened.target.pushBlob(layer.descriptor, open, { signal: abort.signal }), {
      code: 'ABORTED',
    })
    await opened[Symbol.asyncDispose]()
    const left = await readdir(join(path, '..'), { recursive: true })
    assert.deepEqual(
      left.filter((file) => /partial|\.new-/.test(file)),
      [],
    )
  })

  test(`${kind}: referrers are listed by the tag schema`, async (t) => {
    const { push, source } = await start(t)
    const signature = buildCosignSignature(amd64, { subject: true })
    const linked = buildImage({
      layers: [layer],
      subject: amd64.descriptor,
      annotations: { k: 'v' },
    })
    await push(amd64, 'v1')
    await push(signature, 'sig')
    await push(linked, 'v1-linked')
    await push(linked, 'v1-linked')
    const from = await source()
    const list = await from.resolve(`sha256-${hexOf(amd64.descriptor.digest)}`)
    assert.deepEqual(parseIndex(await from.manifest(list), 'list').manifests, [
      {
        ...plain(signature.descriptor),
        artifactType: 'application/vnd.dev.cosign.artifact.sig.v1+json',
      },
      {
        ...plain(linked.descriptor),
        artifactType: 'application/vnd.oci.image.config.v1+json',
        annotations: { k: 'v' },
      },
    ])
    await assert.rejects(from.resolve(undefined), {
      code: 'LAYOUT_TAG_NEEDED',
      context: { location: from.name, tags: ['v1', 'sig', 'v1-linked'] },
    })
  })

  test(`${kind}: what is something else is neither read nor replaced`, async (t) => {
    const { path, push, source } = await start(t)
    if (kind === 'oci') await writeFile(path, 'a file')
    else await writeFile(path, testTar().file('precious', 'data').bytes())
    const before = await readFile(path)
    const code = kind === 'oci' ? 'LAYOUT_UNWRITABLE' : 'LAYOUT_INVALID'
    await assert.rejects(push(amd64, 'v1'), { code })
    assert.deepEqual(await readFile(path), before)
    await assert.rejects((await source()).resolve('v1'), { code: 'LAYOUT_INVALID' })
  })
}

test('oci: a blob that is a file is copied whole, as a file of the layout, or not at all', async (t) => {
  const path = await temporaryDirectory(t)
  const made = join(path, 'made')
  const { descriptor, open } = layer
  await writeFile(made, await collect(open(0), descriptor.size, () => new Error('too long')))
  await chmod(made, 0o600)
  await using opened = await openLayoutTarget(`oci:${path}/layout`)
  const unread = () => pieces(new Uint8Array(descriptor.size))
  const progress: number[] = []
  const init = { file: made, onProgress: (bytes: number) => progress.push(bytes) }
  const larger = { ...descriptor, size: descriptor.size + 1 }
  await assert.rejects(opened.target.pushBlob(larger, unread, init), {
    code: 'CONTENT_SIZE_MISMATCH',
  })
  const gone = { file: join(path, 'gone') }
  await assert.rejects(opened.target.pushBlob(descriptor, unread, gone), {
    code: 'LAYOUT_UNWRITABLE',
  })
  const blobs = join(path, 'layout/blobs/sha256')
  assert.deepEqual(await readdir(blobs), [])
  assert.equal(await opened.target.pushBlob(descriptor, unread, init), 'uploaded')
  assert.deepEqual(progress, [descriptor.size])
  const copy = join(blobs, hexOf(descriptor.digest))
  assert.deepEqual(await readFile(copy), await readFile(made))
  const marker = join(path, 'layout/oci-layout')
  assert.equal((await stat(copy)).mode, (await stat(marker)).mode)
  // what shares the disk with the layout is not written a second time: its clone or its second name stays
  await rm(made)
  assert.equal((await stat(copy)).size, descriptor.size)
})

test('oci: a finished file of another file system', async (t) => {
  const path = await temporaryDirectory(t)
  const directory = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : path, 'layout-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const made = join(directory, 'made')
  const { descriptor, open } = layer
  const bytes = await collect(open(0), descriptor.size, () => new Error('too long'))
  await writeFile(made, bytes)
  await using opened = await openLayoutTarget(`oci:${path}/layout`)
  assert.equal(await opened.target.pushBlob(descriptor, open, { file: made }), 'uploaded')
  const copy = join(path, 'layout/blobs/sha256', hexOf(descriptor.digest))
  assert.deepEqual(await readFile(copy), Buffer.from(bytes))
})

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes.subarray(0, 100)
  yield bytes.subarray(100)
}

test('oci: the files of a layout, members of others kept', async (t) => {
  const path = await temporaryDirectory(t)
  const { target } = await openLayoutTarget(`oci:${path}`)
  await pushBuilt(amd64, target, { tag: 'v1' })
  assert.equal(await readFile(join(path, 'oci-layout'), 'utf8'), '{"imageLayoutVersion":"1.0.0"}')
  const index = JSON.parse(await readFile(join(path, 'index.json'), 'utf8')) as object
  const entry = { ...plain(amd64.descriptor), annotations: { [OCI_REF_NAME]: 'v1' } }
  assert.deepEqual(index, {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [entry],
  })
  const digests = [amd64.descriptor, ...amd64.blobs.map((blob) => blob.descriptor)]
  assert.deepEqual(
    (await readdir(join(path, 'blobs/sha256'))).sort(),
    digests.map(({ digest }) => hexOf(digest)).sort(),
  )
  const other = { ...plain(arm64.descriptor), annotations: { 'org.example': 'x' } }
  const kept = { ...index, annotations: { k: 'v' }, manifests: [other, entry] }
  await writeFile(join(path, 'index.json'), JSON.stringify(kept))
  await pushBuilt(amd64, target, { tag: 'v2' })
  const second = { ...plain(amd64.descriptor), annotations: { [OCI_REF_NAME]: 'v2' } }
  assert.deepEqual(JSON.parse(await readFile(join(path, 'index.json'), 'utf8')), {
    ...kept,
    manifests: [other, entry, second],
  })
})

test('oci: a directory with other files stays as it is', async (t) => {
  const path = await temporaryDirectory(t)
  await writeFile(join(path, 'precious'), 'data')
  const { target } = await openLayoutTarget(`oci:${path}`)
  await assert.rejects(pushBuilt(amd64, target, { tag: 'v1' }), { code: 'LAYOUT_UNWRITABLE' })
  assert.deepEqual(await readdir(path), ['precious'])
})

test('oci: a damaged blob is noticed', async (t) => {
  const path = await temporaryDirectory(t)
  await pushBuilt(amd64, (await openLayoutTarget(`oci:${path}`)).target, { tag: 'v1' })
  const { source } = await openLayoutSource(`oci:${path}`)
  const { digest } = layer.descriptor
  const file = join(path, 'blobs/sha256', hexOf(digest))
  const bytes = await readFile(file)
  bytes[5]! ^= 1
  await writeFile(file, bytes)
  const read = collect(source.blob(layer.descriptor), Infinity, () => new Error())
  await assert.rejects(read, { code: 'CONTENT_DIGEST_MISMATCH' })
  const manifest = join(path, 'blobs/sha256', hexOf(amd64.descriptor.digest))
  await writeFile(manifest, '{}')
  await assert.rejects(source.manifest(amd64.descriptor), { code: 'CONTENT_SIZE_MISMATCH' })
  const huge = { ...amd64.descriptor, size: 5 * 1024 * 1024 }
  await assert.rejects(source.manifest(huge), { code: 'CONTENT_TOO_LARGE' })
})
