/** Which programs of others this machine has, and what becomes of a test that needs one it has not. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { root } from '../../scripts/source-tree.ts'
import { findProgram, output } from './command.ts'

/** Where state is kept between runs: `ACCEL_INTEROP_DIR`, default `/var/tmp/accel-interop`. */
export const stateFolder = process.env.ACCEL_INTEROP_DIR ?? '/var/tmp/accel-interop'

/** A folder of laboratory scripts beside the repository, if there is one: `ACCEL_LAB`, default `../shared/lab`. */
export const laboratory = existing(process.env.ACCEL_LAB ?? resolve(root, '../shared/lab'))

/** How the stargz snapshotter is started; its own flags follow. */
export interface SnapshotterCommand {
  program: string
  args: string[]
}

/** Why tests cannot run here, or undefined when every one of `names` can be run and the user may mount. */
export function lacking(...names: string[]): string | undefined {
  if (process.getuid?.() !== 0)
    return 'must be root: file systems are mounted, owners and devices are made'
  const missing = names.filter((name) => findProgram(name) === undefined)
  return missing.length === 0
    ? undefined
    : `not installed: ${missing.join(', ')}; see docs/interop.md`
}

/** Why the kernel cannot be asked to mount EROFS, or undefined. Plain files can be mounted from Linux 6.12 on. */
export function kernelReason(): string | undefined {
  const reason = lacking('python3')
  if (reason !== undefined) return reason
  const release = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim()
  const [major = 0, minor = 0] = release.split('.').map(Number)
  if (major < 6 || (major === 6 && minor < 12))
    return `Linux ${release} mounts no plain files as EROFS; 6.12 does`
  const known = readFileSync('/proc/filesystems', 'utf8').includes('\terofs\n')
  return known ? undefined : 'this kernel has no EROFS driver (modprobe erofs)'
}

/**
 * The daemon of the stargz snapshotter. Debian has it in source form only, so it is the one in PATH, or the one that the
 * laboratory builds. Undefined where there is neither.
 */
export async function snapshotterCommand(): Promise<SnapshotterCommand | undefined> {
  const program = findProgram('containerd-stargz-grpc')
  if (program !== undefined) return { program, args: [] }
  const built = await laboratoryProgram()
  return built === undefined ? undefined : { program: built, args: ['snapshotter'] }
}

/** The laboratory's own build of the snapshotter and of the converter that the Go service uses. */
export async function laboratoryProgram(): Promise<string | undefined> {
  if (laboratory === undefined) return undefined
  return (await output(join(laboratory, 'stargz/build'), [], { env: laboratoryEnv() })).trim()
}

/** A state folder of our own, so that nobody else's laboratory is disturbed. */
export function laboratoryEnv(): Record<string, string> {
  const folder = process.env.LAB_DIR ?? join(stateFolder, 'lab')
  mkdirSync(folder, { recursive: true })
  return { LAB_DIR: folder }
}

function existing(folder: string): string | undefined {
  return existsSync(folder) ? folder : undefined
}
