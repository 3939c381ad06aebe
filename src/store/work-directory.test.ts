import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isAccelError } from '../errors/accel-error.ts'
import { openWorkDirectory } from './work-directory.ts'

const scratch = await mkdtemp(join(tmpdir(), 'work-directory-'))
after(() => rm(scratch, { recursive: true, force: true }))

test('two processes share one directory, and what a dead one left is swept', async () => {
  const dead = join(scratch, 'ingest', `${2 ** 22 + 5}-0123456789ab`)
  const otherBoot = join(scratch, 'ingest', '1-0123456789ab')
  for (const directory of [dead, otherBoot]) {
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, '1'), 'half a layer')
  }
  await writeFile(join(otherBoot, 'boot-id'), 'another boot\n')
  const alive = join(scratch, 'ingest', `${process.ppid}-0123456789ab`)
  await mkdir(alive)

  await using work = await openWorkDirectory(scratch)
  assert.equal(existsSync(dead), false)
  assert.equal(existsSync(otherBoot), false)
  assert.equal(existsSync(alive), true)

  const ingest = work.ingest()
  await writeFile(ingest.path, 'bytes')
  await ingest.remove()
  assert.equal(existsSync(ingest.path), false)
})

test('a directory that cannot be made is named', async () => {
  const file = join(scratch, 'file')
  await writeFile(file, '')
  await assert.rejects(openWorkDirectory(join(file, 'below')), (error) => {
    assert.ok(isAccelError(error, 'STORE_UNUSABLE'))
    assert.match(error.message, /file\/below/)
    return true
  })
})
