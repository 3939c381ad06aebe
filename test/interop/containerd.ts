/** containerd with the stargz snapshotter, on sockets and in folders of their own: the reader that lazy pulling is for. */
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Daemon, output, startDaemon } from './command.ts'
import type { SnapshotterCommand } from './programs.ts'
import { readTree, type Tree } from './tree.ts'

/** What a lazy pull brought. */
export interface LazyPull {
  tree: Tree
  layers: number
  /** Layers that the snapshotter could not read lazily and had unpacked in the ordinary way, and its reasons. */
  ordinary: { diffId: string; reason: string }[]
}

/** Pulls images lazily. */
export interface LazyPuller extends AsyncDisposable {
  /**
   * Pulls `reference` (linux/amd64 of an index) through the stargz snapshotter, mounts it without running it, and
   * reads every file.
   */
  pull(reference: string): Promise<LazyPull>
  /** The same, but what is done with the directory where it is mounted is up to `use`. */
  use(reference: string, use: (target: string) => Promise<void>): Promise<void>
}

/** By default it fetches everything in the background, which hides what was never read. */
const ON_DEMAND = 'noprefetch = true\nno_background_fetch = true\n'

/** Starts both daemons with their state below `folder`; `settings` are those of the snapshotter, in TOML. */
export async function startLazyPuller(
  folder: string,
  snapshotter: SnapshotterCommand,
  settings = ON_DEMAND,
): Promise<LazyPuller> {
  mkdirSync(folder, { recursive: true })
  const stargz = await startSnapshotter(folder, snapshotter, settings)
  const containerd = await startContainerd(folder)
  return {
    pull: (reference) => pull(folder, reference),
    async use(reference, use) {
      const { ctr, chain } = await rpull(folder, reference)
      await viewed(ctr, folder, chain.at(-1) ?? '', use)
    },
    async [Symbol.asyncDispose]() {
      await containerd[Symbol.asyncDispose]()
      await stargz[Symbol.asyncDispose]()
      await unmountBelow(folder)
    },
  }
}

function startSnapshotter(
  folder: string,
  { program, args }: SnapshotterCommand,
  settings: string,
): Promise<Daemon> {
  const [socket, config] = [join(folder, 'stargz.sock'), join(folder, 'stargz.toml')]
  writeFileSync(config, settings)
  const flags = ['-root', join(folder, 'stargz'), '-address', socket, '-config', config]
  return startDaemon(program, [...args, ...flags, '-log-level', 'debug'], {
    log: join(folder, 'stargz.log'),
    ready: async () => existsSync(socket),
    stop: 'SIGINT',
    env: { DOCKER_CONFIG: folder },
  })
}

/** It collects no garbage: a view of a snapshot is nobody's yet when it is made, and all of this is removed at the end. */
function startContainerd(folder: string): Promise<Daemon> {
  const unneeded = ['grpc.v1.cri', 'internal.v1.opt', 'internal.v1.tracing', 'snapshotter.v1.aufs']
  unneeded.push('snapshotter.v1.btrfs', 'snapshotter.v1.devmapper', 'snapshotter.v1.zfs')
  const plugins = unneeded.map((plugin) => JSON.stringify(`io.containerd.${plugin}`)).join(', ')
  writeFileSync(
    join(folder, 'containerd.toml'),
    `version = 2
root = "${folder}/root"
state = "${folder}/run"
disabled_plugins = [${plugins}]
[grpc]
address = "${folder}/containerd.sock"
[ttrpc]
address = "${folder}/containerd.sock.ttrpc"
[plugins."io.containerd.gc.v1.scheduler"]
deletion_threshold = 0
mutation_threshold = 0
schedule_delay = "1h"
startup_delay = "1h"
[proxy_plugins.stargz]
type = "snapshot"
address = "${folder}/stargz.sock"
`,
  )
  return startDaemon('containerd', ['--config', join(folder, 'containerd.toml')], {
    log: join(folder, 'containerd.log'),
    ready: () =>
      client(folder, 'interop', ['version']).then(
        () => true,
        () => false,
      ),
  })
}

function client(
  folder: string,
  namespace: string,
  args: string[],
  program = 'ctr',
): Promise<string> {
  return output(program, args, {
    env: {
      CONTAINERD_ADDRESS: join(folder, 'containerd.sock'),
      CONTAINERD_NAMESPACE: namespace,
      CONTAINERD_SNAPSHOTTER: 'stargz',
    },
  })
}

/** A pulled image: its namespace, and the names of its snapshots. */
interface Pulled {
  namespace: string
  ctr: Ctr
  diffIds: string[]
  chain: string[]
}

async function rpull(folder: string, reference: string): Promise<Pulled> {
  // containerd knows a layer by what it unpacks to, so another pull's layer would answer for this one: a namespace
  // of its own for each.
  const namespace = randomUUID()
  const ctr = (...args: string[]): Promise<string> => client(folder, namespace, args)
  const args = ['images', 'rpull', '--plain-http', '--snapshotter', 'stargz', reference]
  await client(folder, namespace, args, 'ctr-remote')
  const diffIds = await diffIdsOf(ctr, reference)
  return { namespace, ctr, diffIds, chain: chainIds(diffIds) }
}

async function pull(folder: string, reference: string): Promise<LazyPull> {
  const { namespace, ctr, diffIds, chain } = await rpull(folder, reference)
  const ordinary: LazyPull['ordinary'] = []
  for (const [i, diffId] of diffIds.entries()) {
    if (!(await isLazy(ctr, chain[i] ?? ''))) {
      ordinary.push({ diffId, reason: reasonOf(folder, namespace, i) })
    }
  }
  const tree = await viewed(ctr, folder, chain.at(-1) ?? '', readTree)
  return { tree, layers: diffIds.length, ordinary }
}

type Ctr = (...args: string[]) => Promise<string>

interface Document {
  config?: { digest: string }
  manifests?: { digest: string; platform?: { architecture: string } }[]
  rootfs?: { diff_ids: string[] }
}

async function diffIdsOf(ctr: Ctr, reference: string): Promise<string[]> {
  const read = async (digest: string | undefined): Promise<Document> =>
    JSON.parse(await ctr('content', 'get', digest ?? '')) as Document
  const [, line = ''] = (await ctr('images', 'ls', `name==${reference}`)).split('\n')
  let document = await read(line.split(/\s+/)[2])
  if (document.manifests !== undefined) {
    document = await read(
      document.manifests.find((m) => m.platform?.architecture === 'amd64')?.digest,
    )
  }
  return (await read(document.config?.digest)).rootfs?.diff_ids ?? []
}

/** The names of an image's snapshots, from the lowest up. Source: OCI image-spec config.md, "Layer ChainID". */
function chainIds(diffIds: string[]): string[] {
  const chain: string[] = []
  for (const diffId of diffIds) {
    const below = chain.at(-1)
    const text = `${below} ${diffId}`
    chain.push(
      below === undefined ? diffId : `sha256:${createHash('sha256').update(text).digest('hex')}`,
    )
  }
  return chain
}

/** A layer that the snapshotter cannot read is unpacked in the ordinary way without a word; only this label tells. */
async function isLazy(ctr: Ctr, snapshot: string): Promise<boolean> {
  const info = JSON.parse(await ctr('snapshots', 'info', snapshot)) as {
    Labels?: Record<string, string>
  }
  return info.Labels?.['containerd.io/snapshot/remote'] !== undefined
}

/** What the snapshotter's log says of the layer that it could not read. */
function reasonOf(folder: string, namespace: string, layer: number): string {
  const said = readFileSync(join(folder, 'stargz.log'), 'utf8')
    .split('\n')
    .filter((line) => line.includes(`"key":"${namespace}/`) && line.includes('"level":"warning"'))
    .map((line) => (JSON.parse(line) as { error?: string }).error)
    .filter((error) => error !== undefined)
  return said.length > 0 ? [...new Set(said)].join('; ') : `no reason given for layer ${layer + 1}`
}

/** What `use` makes of a directory where the snapshot is mounted. */
async function viewed<Result>(
  ctr: Ctr,
  folder: string,
  snapshot: string,
  use: (target: string) => Promise<Result>,
): Promise<Result> {
  const target = join(folder, `mnt-${randomUUID()}`)
  mkdirSync(target)
  const mount = await ctr('snapshots', 'view', '--target', target, 'view', snapshot)
  // The names of many layers are longer than the page that mount(2) takes: from where they lie, they are short.
  const snapshots = join(folder, 'stargz/snapshotter/snapshots')
  await output('sh', ['-ec', mount.replaceAll(`${snapshots}/`, '')], { cwd: snapshots })
  try {
    return await use(target)
  } finally {
    await output('umount', [target])
    rmdirSync(target)
  }
}

async function unmountBelow(folder: string): Promise<void> {
  const points = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((point) => point.startsWith(`${folder}/`))
    .toSorted((a, b) => b.length - a.length)
  for (const point of points) await output('umount', ['-l', point]).catch(() => undefined)
}
