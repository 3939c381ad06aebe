import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf, hexOf } from '../oci/digest.ts'
import { bytesFrom } from '../streams/byte-source.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { createLocalfs } from './localfs.ts'

const bytes = randomBytes(200_000)
const blob: Descriptor = { mediaType: 'x', digest: digestOf(bytes), size: bytes.length }
const name = hexOf(blob.digest)
const open = () => bytesFrom(bytes.subarray(0, 70_000), bytes.subarray(70_000))

test('a blob is a file named by its digest; the directory is made; it is not written again', async (t) => {
  const dir = join(await temporaryDirectory(t), 'a/b')
  const store = createLocalfs({ dir, force: false })
  const progress: number[] = []
  const onProgress = (written: number): void => void progress.push(written)
  assert.equal(await store.pushBlob(blob, open, { onProgress }), 'uploaded')
  assert.deepEqual(progress, [70_000, 200_000])
  assert.deepEqual(await readFile(join(dir, name)), bytes)
  assert.equal((await stat(join(dir, name))).mode & 0o777, 0o644 & ~process.umask())
  assert.equal(await store.pushBlob(blob, open), 'exists')
  assert.deepEqual(await readdir(dir), [name])
})

test('a file of another size is replaced, one of the right size only when it is forced', async (t) => {
  const dir = await temporaryDirectory(t)
  const path = join(dir, name)
  await writeFile(path, bytes.subarray(1))
  assert.equal(await createLocalfs({ dir, force: false }).pushBlob(blob, open), 'uploaded')
  assert.deepEqual(await readFile(path), bytes)
  await writeFile(path, Buffer.alloc(bytes.length))
  assert.equal(await createLocalfs({ dir, force: false }).pushBlob(blob, open), 'exists')
  assert.equal(await createLocalfs({ dir, force: true }).pushBlob(blob, open), 'uploaded')
  assert.deepEqual(await readFile(path), bytes)
})

test('what goes wrong leaves the directory as it was', async (t) => {
  const dir = await temporaryDirectory(t)
  const store = createLocalfs({ dir, force: false })
  async function* breaking(): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 100)
    throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
  }
  const controller = new AbortController()
  async function* aborting(): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 100)
    controller.abort()
    yield bytes.subarray(100)
  }
  const cases = [
    [() => bytesFrom(bytes.subarray(1)), 'CONTENT_SIZE_MISMATCH'],
    [() => bytesFrom(Buffer.alloc(bytes.length)), 'CONTENT_DIGEST_MISMATCH'],
    [breaking, 'BACKEND_FULL'],
    [aborting, 'ABORTED'],
  ] as const
  for (const [source, code] of cases) {
    await assert.rejects(store.pushBlob(blob, source, { signal: controller.signal }), { code })
    assert.deepEqual(await readdir(dir), [])
  }
})

test('a place that is no directory is said', async (t) => {
  const dir = join(await temporaryDirectory(t), 'file')
  await writeFile(dir, 'x')
  await assert.rejects(createLocalfs({ dir, force: false }).pushBlob(blob, open), {
    code: 'BACKEND_DIRECTORY',
  })
  const taken = await temporaryDirectory(t)
  await mkdir(join(taken, name))
  await assert.rejects(createLocalfs({ dir: taken, force: false }).pushBlob(blob, open), {
    code: 'BACKEND_DIRECTORY',
  })
  assert.deepEqual(await readdir(taken), [name])
})

test('what a process that was killed has left is removed a day later', async (t) => {
  const dir = await temporaryDirectory(t)
  const part = (digit: string): string =>
    `.${digit.repeat(64)}.6f5902ac-237b-4f2e-9d0b-6f5902ac237b.part`
  const old = new Date(Date.now() - 25 * 3600 * 1000)
  for (const file of [part('a'), part('b'), '.other.part', 'c'.repeat(64)]) {
    await writeFile(join(dir, file), 'x')
    if (file !== part('b')) await utimes(join(dir, file), old, old)
  }
  await createLocalfs({ dir, force: false }).pushBlob(blob, open)
  const names = [part('b'), '.other.part', 'c'.repeat(64), name]
  assert.deepEqual((await readdir(dir)).toSorted(), names.toSorted())
})
