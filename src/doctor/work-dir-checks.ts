import { randomUUID } from 'node:crypto'
import { constants, existsSync } from 'node:fs'
import { access, open, stat, statfs, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Config } from '../config/schema.ts'
import { databaseDamage } from '../database/check-database.ts'
import { isAccelError } from '../errors/accel-error.ts'
import { formatSize } from '../quantity/quantity.ts'
import { formatSpan } from '../quantity/span.ts'
import { databasePath } from '../store/store.ts'
import { failure, ok, warning, type Finding } from './check.ts'

/** File systems by their magic number. Source: statfs(2), and linux/magic.h. */
const fileSystems = new Map<number, string>([
  [0xef53, 'ext4'],
  [0x5846_5342, 'xfs'],
  [0x9123_683e, 'btrfs'],
  [0x2fc1_2fc1, 'zfs'],
  [0x0102_1994, 'tmpfs'],
  [0x794c_7630, 'overlay'],
  [0x6969, 'nfs'],
  [0xff53_4d42, 'cifs'],
  [0xfe53_4d42, 'smb2'],
  [0x00c3_6400, 'ceph'],
  [0x6573_5546, 'fuse'],
  [0x0102_1997, '9p'],
])

/** On these another machine may write, and locks do not keep it out reliably. */
const remote = new Set(['nfs', 'cifs', 'smb2', 'ceph', '9p'])

/** Below this nothing can be stored, as acceld's own health says; below the other few images can be converted. Bytes. */
const [LEAST_FREE, LITTLE_FREE] = [64 * 1024 * 1024, 2 * 1024 ** 3]

/** A flush that takes longer is felt, since each order waits for one. Milliseconds. */
const SLOW_FLUSH = 200

/** Whether `provider.work_dir` can hold the queue and the layers under way. Leaves nothing behind. */
export async function workDirChecks({ provider }: Pick<Config, 'provider'>): Promise<Finding[]> {
  const { workDir, gcpolicy } = provider
  const folder = await stat(workDir).catch(() => undefined)
  if (folder === undefined) return [await missing(workDir)]
  if (!folder.isDirectory()) {
    return [failure(`${workDir} is no folder`, 'name a folder in provider.work_dir')]
  }
  const written = await flushTest(workDir)
  if (written.state === 'failure') return [written]
  const { type, bavail, blocks, bsize } = await statfs(workDir)
  return [
    written,
    kindOf(workDir, type),
    room(workDir, { free: bavail * bsize, all: blocks * bsize, threshold: gcpolicy.threshold }),
    database(databasePath(workDir)),
  ]
}

async function missing(workDir: string): Promise<Finding> {
  let parent = dirname(resolve(workDir))
  while (!existsSync(parent)) parent = dirname(parent)
  try {
    await access(parent, constants.W_OK | constants.X_OK)
    return ok(`${workDir} is not there yet, and can be made in ${parent}`)
  } catch {
    return failure(
      `${workDir} is not there, and this account may not make it in ${parent}`,
      `mkdir -p ${workDir}, and give it to the account of acceld`,
    )
  }
}

/** Writes, flushes and removes a file. */
async function flushTest(workDir: string): Promise<Finding> {
  const path = join(workDir, `.doctor-${randomUUID()}`)
  try {
    const file = await open(path, 'wx', 0o600)
    const before = performance.now()
    try {
      await file.write('x')
      await file.sync()
    } finally {
      await file.close()
      await unlink(path)
    }
    const ms = performance.now() - before
    if (ms < SLOW_FLUSH) return ok(`${workDir} can be written to; a flush takes ${formatSpan(ms)}`)
    return warning(
      `a flush of ${workDir} takes ${formatSpan(ms)}, expected less than ${formatSpan(SLOW_FLUSH)}: each order waits for one`,
      'put provider.work_dir on a faster disk',
    )
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    return failure(
      `${workDir} cannot be written to: ${problem}`,
      `give it to the account that acceld runs under: chown … ${workDir}`,
    )
  }
}

function kindOf(workDir: string, type: number): Finding {
  const name = fileSystems.get(type)
  if (name !== undefined && remote.has(name)) {
    return warning(
      `${workDir} is on ${name}, a file system of the network, expected a local one: the locks of its database may not hold`,
      'put provider.work_dir on a local disk',
    )
  }
  if (name === 'tmpfs') {
    return warning(
      `${workDir} is on tmpfs: it takes memory, and the queue is lost with the machine`,
      'put provider.work_dir on a disk',
    )
  }
  if (name === 'overlay') {
    return warning(
      `${workDir} is in the layer of a container: the queue is lost with the container`,
      'mount a volume there',
    )
  }
  if (resolve(workDir) === '/tmp') {
    return warning(
      '/tmp, the default, is emptied by most systems now and then, and the queue with it',
      'set provider.work_dir to a folder such as /var/lib/acceld',
    )
  }
  return ok(`its file system is ${name ?? `of type 0x${type.toString(16)}`}`)
}

function room(
  workDir: string,
  { free, all, threshold = 0 }: { free: number; all: number; threshold: number | undefined },
): Finding {
  const found = `${formatSize(free)} of ${formatSize(all)} are free`
  if (free < LEAST_FREE) {
    const fix = `make room on the file system of ${workDir}; accelctl gc removes converted layers`
    return failure(`${found}, no order can be stored with less than ${formatSize(LEAST_FREE)}`, fix)
  }
  if (threshold > all) {
    return warning(
      `${found}; provider.gcpolicy.threshold is ${formatSize(threshold)}, more than the file system has, so layers are removed too late`,
      'lower provider.gcpolicy.threshold to half of the file system or less',
    )
  }
  if (free < LITTLE_FREE) {
    return warning(
      `${found}: an image needs the size of its layers while it is converted, others wait for it`,
      `make room on the file system of ${workDir}`,
    )
  }
  return ok(found)
}

function database(path: string): Finding {
  if (!existsSync(path)) return ok('there is no database yet; the first start makes it')
  let damage: string | undefined
  try {
    damage = databaseDamage(path)
  } catch (error) {
    if (!isAccelError(error)) throw error
    return failure(error.message, error.hint)
  }
  if (damage === undefined) return ok(`the database ${path} is whole`)
  return failure(
    `the database ${path} is damaged: ${damage}`,
    'start acceld anew: it moves the file aside and takes over the tasks that can be read; accelctl backfill finds what was not converted',
  )
}
