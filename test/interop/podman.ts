/** podman, with a storage of its own: a client that knows nothing of lazy pulling and must be able to use the result. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { output } from './command.ts'
import { readTree, type Tree, untimedSince } from './tree.ts'

/** Pulls `reference` in the ordinary way, all of it, and reads what it holds. State is below `folder`, and removed. */
export async function pulledByPodman(folder: string, reference: string): Promise<Tree> {
  const started = Date.now()
  mkdirSync(folder, { recursive: true })
  const config = join(folder, 'storage.conf')
  writeFileSync(
    config,
    `[storage]\ndriver = "overlay"\ngraphroot = "${folder}/root"\nrunroot = "${folder}/run"\n`,
  )
  const flags = [
    '--cgroup-manager',
    'cgroupfs',
    '--events-backend',
    'none',
    '--tmpdir',
    join(folder, 'tmp'),
  ]
  const podman = (...args: string[]): Promise<string> =>
    output('podman', [...flags, ...args], { env: { CONTAINERS_STORAGE_CONF: config } })
  try {
    // What it remembers of blobs seen elsewhere would let it take another one: it forgets, for this one pull.
    const script = 'mount -t tmpfs tmpfs "$0"; exec "$@"'
    const memory = '/var/lib/containers/cache'
    mkdirSync(memory, { recursive: true })
    await output(
      'unshare',
      [
        '-m',
        'sh',
        '-ec',
        script,
        memory,
        'podman',
        ...flags,
        'pull',
        '-q',
        '--tls-verify=false',
        reference,
      ],
      { env: { CONTAINERS_STORAGE_CONF: config } },
    )
    const target = (await podman('image', 'mount', reference)).trim()
    try {
      return untimedSince(started, await readTree(target))
    } finally {
      await podman('image', 'unmount', reference)
    }
  } finally {
    await output('umount', ['-l', join(folder, 'root/overlay')]).catch(() => undefined)
    rmSync(folder, { recursive: true, force: true })
  }
}
