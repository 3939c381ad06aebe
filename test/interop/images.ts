/** Where the images come from that are converted. */
import { join } from 'node:path'
import { output } from './command.ts'
import { laboratory, laboratoryEnv } from './programs.ts'

/** `ACCEL_INTEROP=full`: every image there is, and not only those of CI. */
export const full = process.env.ACCEL_INTEROP === 'full'

/** Small and telling ones; every one of them is converted in CI. */
export const quickImages = ['edge', 'nginx', 'multi']

/** What else the laboratory has. */
export const largeImages = [
  'debian-slim',
  'python',
  'node',
  'jdk',
  'toolchain',
  'nginx-v2s2',
  'nginx-zstd',
  'nginx-plain',
]

/** A registry that has the laboratory's images already (`ACCEL_INTEROP_IMAGES`, `HOST:PORT`). */
const ready = process.env.ACCEL_INTEROP_IMAGES

/** Why there are no images to convert, or undefined. */
export const noImages: string | undefined =
  ready === undefined && laboratory === undefined
    ? 'no images: neither ACCEL_INTEROP_IMAGES nor ACCEL_LAB; see docs/interop.md'
    : undefined

/**
 * Copies images into `registry` (`HOST:PORT`) as they are, each under its own name and `latest`; the laboratory builds
 * those that it has not built before, and `rough` is all its rough-* images. Returns the names in the registry.
 */
export async function bringImages(registry: string, names: readonly string[]): Promise<string[]> {
  if (ready !== undefined) return copied(ready, registry, names)
  const source = process.env.LAB_REGISTRY ?? '127.0.0.1:5079'
  const env = { ...laboratoryEnv(), LAB_REGISTRY: source }
  const lab = (script: string, ...args: string[]): Promise<string> =>
    output(join(laboratory ?? '', script), args, { env })
  await lab('corpus', ...names)
  try {
    return await copied(source, registry, names)
  } finally {
    await lab('registry', 'stop')
  }
}

async function copied(from: string, to: string, names: readonly string[]): Promise<string[]> {
  const all = names.includes('rough') ? await repositories(from) : []
  const wanted = names.flatMap((name) =>
    name === 'rough' ? all.filter((r) => r.startsWith('rough-')) : [name],
  )
  for (const name of wanted) {
    const [source, target] = [from, to].map((host) => `docker://${host}/${name}:latest`)
    const insecure = ['--src-tls-verify=false', '--dest-tls-verify=false']
    await output('skopeo', [
      'copy',
      '-q',
      '--all',
      '--preserve-digests',
      ...insecure,
      source ?? '',
      target ?? '',
    ])
  }
  return wanted
}

async function repositories(registry: string): Promise<string[]> {
  const answer = await fetch(`http://${registry}/v2/_catalog?n=1000`)
  return ((await answer.json()) as { repositories: string[] }).repositories
}
