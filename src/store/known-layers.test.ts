import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { digestOf } from '../oci/digest.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { openKnownLayers } from './known-layers.ts'
import { databasePath, openStore } from './store.ts'

test('layers that are kept are known, with where their blobs are', async (t) => {
  const workDir = await temporaryDirectory(t)
  await using store = await openStore<string>(workDir, { policy: { high: 1e6, low: 1e6 } })
  const digest = digestOf('a blob')
  const ingest = store.work.ingest()
  await writeFile(ingest.path, 'a blob')
  await store.layers.put('task:1', 'made', 'detail', { ingest, digest, size: 6 })
  await store.layers.put('task:1', 'kept', 'detail')
  store.placements.add(digest, 'a.test', 'library/app')
  using known = openKnownLayers(workDir)
  assert.deepEqual(known.find('made', 'a.test'), { size: 6, placed: true })
  assert.deepEqual(known.find('made', 'b.test'), { size: 6, placed: false })
  assert.deepEqual(known.find('made', undefined), { size: 6, placed: false })
  assert.deepEqual(known.find('kept', 'b.test'), { placed: true })
  assert.equal(known.find('unknown', 'a.test'), undefined)
  // nobody who has it open is in the way of who works
  store.layers.release('task:1')
  store.placements.add(digest, 'b.test', 'library/app')
  assert.equal(known.find('made', 'b.test')?.placed, true)
})

test('a directory that is not there is not made', async (t) => {
  const workDir = join(await temporaryDirectory(t), 'work')
  using known = openKnownLayers(workDir)
  assert.equal(known.find('made', 'a.test'), undefined)
  assert(!existsSync(workDir))
})

test('what is no database of ours knows nothing', async (t) => {
  const workDir = await temporaryDirectory(t)
  await writeFile(databasePath(workDir), 'no database at all, but some text that is long enough')
  {
    using known = openKnownLayers(workDir)
    assert.equal(known.find('made', 'a.test'), undefined)
  }
  const other = join(workDir, 'other')
  await mkdir(databasePath(other), { recursive: true })
  using known = openKnownLayers(other)
  assert.equal(known.find('made', 'a.test'), undefined)
})
