import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isAccelError } from '../errors/accel-error.ts'
import { openWorkDirectory } from './work-directory.ts'

const scratch = await mkdtemp(join(tmpdir(), 'work-directory-'))
after(() => rm(scratch, { recursive: true, force: true }))

/** A process that opens the work directory, prints its own part of it, and stays. */
async function otherProcess(): Promise<{ path: string; kill(): Promise<void> }> {
  const program = `
    import { openWorkDirectory } from ${JSON.stringify(join(import.meta.dirname, 'work-directory.ts'))}
    const work = await openWorkDirectory(${JSON.stringify(scratch)})
    console.log(work.path)
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return {
    path: line.toString().trim(),
    async kill() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

test('a process leaves the files of a live one alone and sweeps those of a killed one', async () => {
  const other = await otherProcess()
  await writeFile(join(other.path, '1'), 'half a layer')
  {
    await using work = await openWorkDirectory(scratch)
    assert.equal(existsSync(join(other.path, '1')), true)
    const ingest = work.ingest()
    await writeFile(ingest.path, 'bytes')
    await ingest.remove()
    assert.equal(existsSync(ingest.path), false)
  }
  await other.kill()
  assert.equal(existsSync(other.path), true)
  await using work = await openWorkDirectory(scratch)
  assert.equal(existsSync(other.path), false)
  assert.equal(existsSync(work.path), true)
})

test('a directory without a lock is left alone while it is young', async () => {
  const directory = join(scratch, 'ingest', 'being-made')
  await mkdir(directory, { recursive: true })
  await using _first = await openWorkDirectory(scratch)
  assert.equal(existsSync(directory), true)
  await utimes(directory, 1, 1)
  await using _second = await openWorkDirectory(scratch)
  assert.equal(existsSync(directory), false)
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
