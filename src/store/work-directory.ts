import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AccelError } from '../errors/accel-error.ts'

/** A file under way; removed by `remove()` whether or not it was written. */
export interface Ingest {
  readonly path: string
  remove(): Promise<void>
}

/**
 * The work directory of this process: `<work_dir>/ingest/<pid>-<random>/`. Several processes share one `work_dir`
 * without waiting for each other; what a process that is gone has left is swept by the next one that starts.
 */
export interface WorkDirectory extends AsyncDisposable {
  readonly path: string
  ingest(): Ingest
}

/** Opens `workDir`, which is made where it is missing. Throws STORE_UNUSABLE, STORE_FULL. */
export async function openWorkDirectory(workDir: string): Promise<WorkDirectory> {
  const shared = join(workDir, 'ingest')
  const path = join(shared, `${process.pid}-${randomBytes(6).toString('hex')}`)
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
    await writeFile(join(path, 'boot-id'), await bootId())
    await sweep(shared)
  } catch (cause) {
    throw storeError(cause, workDir)
  }
  let next = 0
  return {
    path,
    ingest() {
      const file = join(path, String((next += 1)))
      return { path: file, remove: () => rm(file, { force: true }) }
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

/** An error of the file system as the catalogue knows it; `path` names the place. */
export function storeError(cause: unknown, path: string): Error {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code
  if (code === 'ENOSPC' || code === 'EDQUOT') return new AccelError('STORE_FULL', { path }, { cause })
  const problem = cause instanceof Error ? cause.message : String(cause)
  return new AccelError('STORE_UNUSABLE', { path, problem }, { cause })
}

/** Removes the directories of processes that are gone: of another boot, or whose pid is nobody's. */
async function sweep(shared: string): Promise<void> {
  const boot = await bootId()
  for (const name of await readdir(shared)) {
    const pid = /^(\d+)-[0-9a-f]{12}$/.exec(name)?.[1]
    if (pid === undefined || Number(pid) === process.pid) continue
    const written = await readFile(join(shared, name, 'boot-id'), 'utf8').catch(() => undefined)
    // Without the file the process is just starting, or died while it did: its pid tells.
    if ((written === undefined || written === boot) && isAlive(Number(pid))) continue
    await rm(join(shared, name), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** A pid means nothing after a reboot, nor in another container with the same volume. Linux only; elsewhere the pid alone decides. */
async function bootId(): Promise<string> {
  return readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')
}
