import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseConfig } from '../config/load.ts'
import { openStore, databasePath } from '../store/store.ts'
import { temporaryDirectory } from '../testing/temporary-directory.ts'
import { workDirChecks } from './work-dir-checks.ts'

/** `state found` of each finding of a folder below the test's own, or of that itself. */
async function checks(t: TestContext, path: string, policy = ''): Promise<string[]> {
  const { config } = parseConfig(
    `provider: { work_dir: ${path}${policy} }\nconverter: { driver: { type: estargz } }`,
    'config.yaml',
  )
  return (await workDirChecks(config)).map(({ state, found }) => `${state} ${found}`)
}

test('a folder that can be used; nothing is left in it', async (t) => {
  const folder = await temporaryDirectory(t)
  const [written, , room, database] = await checks(t, folder)
  assert.match(written ?? '', /can be written to; a flush takes|a flush of/)
  assert.match(room ?? '', / are free/)
  assert.equal(database, 'ok there is no database yet; the first start makes it')
  assert.deepEqual(await readdir(folder), [])
})

test('a folder that is still to be made, and a file', async (t) => {
  const folder = await temporaryDirectory(t)
  const [made] = await checks(t, join(folder, 'a', 'b'))
  assert.equal(made, `ok ${join(folder, 'a', 'b')} is not there yet, and can be made in ${folder}`)
  const file = join(folder, 'file')
  await writeFile(file, '')
  assert.deepEqual(await checks(t, file), [`failure ${file} is no folder`])
})

test('a threshold that is larger than the disk', async (t) => {
  const found = await checks(t, await temporaryDirectory(t), ', gcpolicy: { threshold: 1000TB }')
  assert.match(found[2] ?? '', /threshold is 1000 TB, more than the file system has/)
})

test('a database that is whole, and one that is damaged', async (t) => {
  const folder = await temporaryDirectory(t)
  await (await openStore(folder))[Symbol.asyncDispose]()
  const path = databasePath(folder)
  assert.equal((await checks(t, folder))[3], `ok the database ${path} is whole`)
  await writeFile(path, 'no database'.repeat(100))
  assert.match(
    (await checks(t, folder))[3] ?? '',
    /^failure the database .* file is not a database/,
  )
})
