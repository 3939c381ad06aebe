import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { arch } from 'node:os'
import { dirname, join } from 'node:path'
import type { ByteSource } from '../../src/streams/byte-source.ts'
import { buildImage, type BuiltImage } from '../../src/testing/image-builder.ts'
import { packLayer, type EntryToPack, type PackedLayer } from '../bench/pack-layer.ts'
import { root } from '../source-tree.ts'

/** A layer of the image before it is packed. */
export interface LayerPlan {
  name: string
  /** What it holds, in a few words. */
  about: string
  entries(): Generator<EntryToPack>
}

/** A file of the image that the lazy read asks for, and where its original is. */
export const WANTED = {
  name: 'app/node_modules/hono/package.json',
  original: join(root, 'node_modules/hono/package.json'),
}

/** An image such as anybody builds for a service, made of what every checkout has. */
export function layerPlans(): LayerPlan[] {
  return [
    { name: 'runtime', about: `Node.js ${process.version}`, entries: runtime },
    { name: 'dependencies', about: 'packages of node_modules', entries: dependencies },
    { name: 'application', about: 'bin, src and package.json', entries: application },
  ]
}

/** Packs the layers side by side; `onPacked` hears of each when it is done. */
export async function buildDemoImage(init: {
  directory: string
  signal: AbortSignal
  onPacked(plan: LayerPlan, layer: PackedLayer): void
}): Promise<{ image: BuiltImage; layers: PackedLayer[] }> {
  const { directory, signal } = init
  const layers = await Promise.all(
    layerPlans().map(async (plan) => {
      const layer = await packLayer(plan.entries(), join(directory, plan.name), { signal })
      init.onPacked(plan, layer)
      return layer
    }),
  )
  const architecture = arch() === 'x64' ? 'amd64' : arch()
  const config = {
    Entrypoint: ['/usr/local/bin/node', '/app/bin/acceld.js'],
    WorkingDir: '/app',
    Env: ['PATH=/usr/local/bin'],
  }
  const image = buildImage({
    layers,
    platform: { os: 'linux', architecture },
    config: { config },
  })
  return { image, layers }
}

/** The Node that runs this, with its licence, where the images of Node.js have them. */
function* runtime(): Generator<EntryToPack> {
  for (const name of ['usr/', 'usr/local/', 'usr/local/bin/']) yield { type: 'directory', name }
  yield file(process.execPath, 'usr/local/bin/node')
  const folder = join(dirname(process.execPath), '..')
  for (const name of ['LICENSE', 'README.md', 'CHANGELOG.md']) {
    if (existsSync(join(folder, name))) yield file(join(folder, name), `usr/local/${name}`)
  }
}

/** What `npm ci --omit=dev` would install, without the Node that is in a layer of its own. */
function* dependencies(): Generator<EntryToPack> {
  const lockfile = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean }>
  }
  const folders = Object.entries(lockfile.packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true && !path.includes('/node-linux-'))
    .map(([path]) => path)
    // optional packages are installed where they fit
    .filter((path) => existsSync(join(root, path)))
  const scopes = new Set(folders.map((path) => `${dirname(path)}/`))
  for (const name of ['', ...scopes]) yield { type: 'directory', name: `app/${name}` }
  for (const folder of folders) yield* tree(join(root, folder), `app/${folder}`)
}

function* application(): Generator<EntryToPack> {
  yield { type: 'directory', name: 'app/' }
  for (const folder of ['bin', 'src']) yield* tree(join(root, folder), `app/${folder}`)
  yield file(join(root, 'package.json'), 'app/package.json')
}

/** A folder with all that is in it, in the order of names. */
function* tree(folder: string, name: string): Generator<EntryToPack> {
  yield { type: 'directory', name: `${name}/` }
  const found = readdirSync(folder, { withFileTypes: true })
  for (const entry of found.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* tree(path, `${name}/${entry.name}`)
    else if (entry.isFile()) yield file(path, `${name}/${entry.name}`)
  }
}

function file(path: string, name: string): EntryToPack {
  const { size, mode } = statSync(path)
  const content = (): Iterable<Uint8Array> | ByteSource =>
    size < 256 * 1024 ? [readFileSync(path)] : createReadStream(path, { highWaterMark: 256 * 1024 })
  return { type: 'file', name, size, mode: mode & 0o777, content }
}
