import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { digestOf } from '../oci/digest.ts'
import { openStore, type Store } from './store.ts'

interface Known {
  name: string
  table: Int32Array
}

const scratch = await mkdtemp(join(tmpdir(), 'layer-store-'))
after(() => rm(scratch, { recursive: true, force: true }))

let folders = 0
const newWorkDir = (): string => join(scratch, String((folders += 1)))

const known = (name: string): Known => ({ name, table: Int32Array.of(1, -2, 3) })

async function put(store: Store<Known>, owner: string, name: string): Promise<string> {
  const ingest = store.work.ingest()
  const bytes = `the blob of ${name}`
  await writeFile(ingest.path, bytes)
  const blob = { ingest, digest: digestOf(bytes), size: bytes.length }
  const { path } = await store.layers.put(owner, name, known(name), blob)
  return path!
}

const blobs = async (workDir: string): Promise<number> =>
  (await readdir(join(workDir, 'blobs/sha256'))).length

test('a layer is there for who comes later, until all who need it have let it go', async () => {
  const workDir = newWorkDir()
  await using store = await openStore<Known>(workDir)
  const { layers } = store
  const path = await put(store, 'task:1', 'a')
  const taken = await layers.take('task:2', 'a')
  assert.deepEqual(taken, { result: known('a'), path })
  assert.equal(await readFile(path, 'utf8'), 'the blob of a')
  layers.release('task:1')
  assert.equal(layers.hold('task:3', 'a'), true)
  layers.release('task:2')
  assert.equal(existsSync(path), true)
  layers.release('task:3')
  await store.collector.run()
  assert.equal(layers.hold('task:4', 'a'), false)
  assert.equal(await layers.take('task:4', 'a'), undefined)
  assert.equal(await blobs(workDir), 0)
  const left = await readdir(store.work.path)
  assert.deepEqual(
    left.filter((name) => !name.startsWith('lock')),
    [],
  )
})

test('what a layer was kept for has no blob', async () => {
  await using store = await openStore<Known>(newWorkDir())
  await store.layers.put('task:1', 'kept', known('kept'))
  assert.deepEqual(await store.layers.take('task:1', 'kept'), { result: known('kept') })
})

test('layers with the same bytes share a file, which goes with the last of them', async () => {
  const workDir = newWorkDir()
  await using store = await openStore<Known>(workDir)
  const both = ['one', 'two'].map(async (key) => {
    const ingest = store.work.ingest()
    await writeFile(ingest.path, 'same')
    const blob = { ingest, digest: digestOf('same'), size: 4 }
    return store.layers.put(`task:${key}`, key, known(key), blob)
  })
  const [one, two] = await Promise.all(both)
  assert.equal(one!.path, two!.path)
  store.layers.release('task:one')
  assert.equal(await readFile(two!.path!, 'utf8'), 'same')
  store.layers.release('task:two')
  await store.collector.run()
  assert.equal(await blobs(workDir), 0)
})

test('the next process has the layers of tasks, and checks them before it uses them', async () => {
  const workDir = newWorkDir()
  let path: string
  {
    await using store = await openStore<Known>(workDir)
    path = await put(store, 'task:1', 'whole')
    await put(store, 'task:1', 'damaged')
    await put(store, store.newOwner(), 'of the process')
  }
  {
    await using store = await openStore<Known>(workDir)
    assert.equal((await store.layers.take('task:1', 'whole'))?.path, path)
    // the owner was a process that is gone
    assert.equal(await store.layers.take('task:1', 'of the process'), undefined)
    const damaged = await store.layers.take('task:1', 'damaged')
    await writeFile(damaged!.path!, 'the blob of damagee')
  }
  await using store = await openStore<Known>(workDir)
  assert.equal(await store.layers.take('task:1', 'damaged'), undefined)
  assert.equal((await store.layers.take('task:1', 'whole'))?.result.name, 'whole')
  store.layers.releaseAllBut('task:', () => () => false)
  await store.collector.run()
  assert.equal(await blobs(workDir), 0)
})

test('files that no row speaks of, and rows whose file is gone, do no harm', async () => {
  const workDir = newWorkDir()
  {
    await using store = await openStore<Known>(workDir)
    await rm(await put(store, 'task:1', 'a'))
    await writeFile(
      join(workDir, 'blobs/sha256', 'f'.repeat(64)),
      'renamed, and then the power went',
    )
  }
  await using store = await openStore<Known>(workDir)
  assert.equal(existsSync(join(workDir, 'blobs/sha256', 'f'.repeat(64))), false)
  assert.equal(await store.layers.take('task:1', 'a'), undefined)
  await put(store, 'task:1', 'a')
  assert.equal((await store.layers.take('task:1', 'a'))?.result.name, 'a')
})

test('two processes that put the same layer end with one', async () => {
  const workDir = newWorkDir()
  await using here = await openStore<Known>(workDir)
  await using there = await openStore<Known>(workDir)
  const first = await put(here, 'task:1', 'a')
  assert.equal(await put(there, 'task:2', 'a'), first)
  here.layers.release('task:1')
  assert.equal((await there.layers.take('task:2', 'a'))?.path, first)
  assert.equal(await readFile(first, 'utf8'), 'the blob of a')
})
