/** nydusd, which mounts Nydus images by FUSE and fetches what is read. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { versionOf } from '../../src/drivers/nydus/rafs.ts'
import { CommandError, output, startDaemon } from './command.ts'
import type { Tree } from './tree.ts'

/** Where nydusd finds blobs: a repository of a registry without TLS, a directory with a file for each blob, or a bucket. */
export type NydusBackend =
  | { type: 'registry'; host: string; repo: string }
  | { type: 'localfs'; dir: string }
  | { type: 's3'; [member: string]: string }

/** A mounted image; it is unmounted when disposed of. */
export interface MountedNydus extends AsyncDisposable {
  readonly mountPoint: string
}

/**
 * Mounts the image of `bootstrap`. State, the log and what nydusd keeps of blobs are in `folder`, which is new and empty. Chunks
 * of v5 are held to their digests.
 */
export async function mountNydus(
  bootstrap: string,
  backend: NydusBackend,
  folder: string,
): Promise<MountedNydus> {
  const [mountPoint, cache] = [join(folder, 'mnt'), join(folder, 'cache')]
  for (const path of [mountPoint, cache]) mkdirSync(path, { recursive: true })
  const { type, ...where } = backend
  const settings = type === 'registry' ? { ...where, scheme: 'http' } : where
  const config = join(folder, 'nydusd.json')
  writeFileSync(
    config,
    JSON.stringify({
      device: {
        backend: { type, config: { timeout: 10, connect_timeout: 5, retry_limit: 1, ...settings } },
        cache: { type: 'blobcache', config: { work_dir: cache } },
      },
      mode: 'direct',
      // of v6 nydusd has no such check
      digest_validate: versionOf(readFileSync(bootstrap)) === 5,
      enable_xattr: true,
      amplify_io: 1024 * 1024,
      fs_prefetch: { enable: false },
    }),
  )
  // 0 leaves the limit of open files as it is; not every machine lets it be raised.
  const args = ['fuse', '--config', config, '--mountpoint', mountPoint, '--rlimit-nofile', '0']
  const { dev } = statSync(folder)
  const daemon = await startDaemon(
    'nydusd',
    [...args, '--bootstrap', bootstrap, '--log-level', 'warn'],
    {
      log: join(folder, 'nydusd.log'),
      ready: () => Promise.resolve(statSync(mountPoint).dev !== dev),
    },
  )
  return {
    mountPoint,
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]()
      // It takes its mount with it when it ends in order.
      await output('umount', ['-l', mountPoint]).catch((error: unknown) => {
        if (!(error instanceof CommandError)) throw error
      })
    },
  }
}

/** nydusd shows the time of the mount in place of 0, and a root that all may read. Source: nydus rafs/src/fs.rs (get_inode_attr). */
export function asNydusdShows(original: Tree): Tree {
  const shown: Tree = new Map()
  for (const [path, { mtime, ...rest }] of original) {
    const { mode = '' } = rest
    if (path === '.') rest.mode = `${mode.slice(0, -3)}755`
    shown.set(path, mtime === 0 || mtime === undefined ? rest : { ...rest, mtime })
  }
  return shown
}
