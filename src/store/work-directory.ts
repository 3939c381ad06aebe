import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { tryLock } from '../database/file-lock.ts'
import { AccelError } from '../errors/accel-error.ts'

/** A file under way; removed by `remove()` whether or not it was written. */
export interface Ingest {
  readonly path: string
  remove(): Promise<void>
}

/**
 * The work directory of this process: `<work_dir>/ingest/<uuid>/`. Several processes share one `work_dir` without
 * waiting for each other; what a process that is gone has left is swept by the next one that starts.
 */
export interface WorkDirectory extends AsyncDisposable {
  readonly path: string
  /** The name of its part. */
  readonly id: string
  /** The names of the parts that are there: those of processes that live. */
  processes(): string[]
  ingest(): Ingest
}

/** A directory without a lock is one that is just being made, unless it is older than this. */
const UNLOCKED_GRACE_MS = 60_000

/** Opens `workDir`, which is made where it is missing. Throws STORE_UNUSABLE, STORE_FULL. */
export async function openWorkDirectory(workDir: string): Promise<WorkDirectory> {
  const shared = join(workDir, 'ingest')
  const id = randomUUID()
  const path = join(shared, id)
  let lock: Disposable | undefined
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
    lock = tryLock(join(path, 'lock'))
    await sweep(shared, path)
  } catch (cause) {
    throw storeError(cause, workDir)
  }
  let next = 0
  return {
    path,
    id,
    processes: () => readdirSync(shared),
    ingest() {
      const file = join(path, String((next += 1)))
      return { path: file, remove: () => rm(file, { force: true }) }
    },
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true })
      lock?.[Symbol.dispose]()
    },
  }
}

/** An error of the file system as the catalogue knows it; `path` names the place. */
export function storeError(cause: unknown, path: string): Error {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new AccelError('STORE_FULL', { path }, { cause })
  const problem = cause instanceof Error ? cause.message : String(cause)
  return new AccelError('STORE_UNUSABLE', { path, problem }, { cause })
}

/** How many processes work with `workDir` at the moment, besides those that only look. Throws STORE_UNUSABLE. */
export async function processesIn(workDir: string): Promise<number> {
  const shared = join(workDir, 'ingest')
  try {
    const used = await Promise.all(
      (await readdir(shared)).map((name) => isInUse(join(shared, name))),
    )
    return used.filter(Boolean).length
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw storeError(cause, workDir)
  }
}

async function sweep(shared: string, own: string): Promise<void> {
  for (const name of await readdir(shared)) {
    const directory = join(shared, name)
    if (directory === own || (await isInUse(directory))) continue
    await rm(directory, { recursive: true, force: true })
  }
}

async function isInUse(directory: string): Promise<boolean> {
  if (!existsSync(join(directory, 'lock'))) {
    const made = await stat(directory).catch(() => undefined)
    return made !== undefined && Date.now() - made.mtimeMs < UNLOCKED_GRACE_MS
  }
  const lock = tryLock(join(directory, 'lock'))
  lock?.[Symbol.dispose]()
  return lock === undefined
}
