import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { tryLock } from '../database/file-lock.ts'
import { AccelError } from '../errors/accel-error.ts'
import { storeError } from './work-directory.ts'

/** Takes the lock of the one daemon that works with `workDir`, until it is disposed of. Throws STORE_LOCKED, STORE_…. */
export async function lockForDaemon(workDir: string): Promise<Disposable> {
  let lock: Disposable | undefined
  try {
    await mkdir(workDir, { recursive: true, mode: 0o700 })
    lock = tryLock(join(workDir, 'acceld.lock'))
  } catch (cause) {
    throw storeError(cause, workDir)
  }
  if (lock === undefined) throw new AccelError('STORE_LOCKED', { path: workDir })
  return lock
}
