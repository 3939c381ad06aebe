/** What an image holds when its layers are unpacked one after the other on an ordinary file system: the references. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { output } from './command.ts'
import type { Reference } from './rough-cases.ts'
import { readTree, type Tree, untimedSince } from './tree.ts'

/** What the original of an image is taken to hold. */
export async function referenceTree(reference: Reference, source: string): Promise<Tree> {
  if (reference === 'umoci') return unpackedByUmoci(source)
  return reference === 'tar' ? unpackedByTar(source) : reference
}

/** Unpacks with umoci. It reads no zstd, so layers are first packed anew, as gzip. */
export function unpackedByUmoci(reference: string, architecture = 'amd64'): Promise<Tree> {
  return inScratch(async (scratch) => {
    await copyToLayout(reference, scratch, architecture)
    const started = Date.now()
    await output('umoci', ['raw', 'unpack', '--image', `${scratch}/image:it`, `${scratch}/rootfs`])
    return untimedSince(started, await readTree(join(scratch, 'rootfs')))
  })
}

/**
 * Unpacks an image of one layer with GNU tar, for what umoci does not understand. It does so in memory (tmpfs), because
 * ext4 ends in the year 2446.
 */
export function unpackedByTar(reference: string): Promise<Tree> {
  return inScratch(async (scratch) => {
    await copyToLayout(reference, scratch, 'amd64')
    const layer = onlyLayer(join(scratch, 'image'))
    const rootfs = join(scratch, 'rootfs')
    mkdirSync(rootfs)
    const started = Date.now()
    await output('mount', ['-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', rootfs])
    try {
      const how = ['--numeric-owner', '--same-owner', '-p', '--xattrs', '--xattrs-include=*']
      await output('tar', ['-C', rootfs, ...how, '-xzf', layer])
      return untimedSince(started, await readTree(rootfs))
    } finally {
      await output('umount', [rootfs])
    }
  })
}

async function copyToLayout(
  reference: string,
  scratch: string,
  architecture: string,
): Promise<void> {
  const from = ['--src-tls-verify=false', `docker://${reference}`]
  const gzip = ['--dest-compress', '--dest-compress-format', 'gzip', '--dest-compress-level', '1']
  const platform = ['--override-os', 'linux', '--override-arch', architecture]
  const copy = [...platform, 'copy', '-q', '--format', 'oci', ...gzip, ...from]
  await output('skopeo', [...copy, `oci:${scratch}/image:it`])
}

function onlyLayer(layout: string): string {
  const blob = (digest: string): string => join(layout, 'blobs', digest.replace(':', '/'))
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as {
    manifests: [{ digest: string }]
  }
  const manifest = JSON.parse(readFileSync(blob(index.manifests[0].digest), 'utf8')) as {
    layers: { digest: string }[]
  }
  const [layer] = manifest.layers
  if (layer === undefined || manifest.layers.length !== 1) throw new Error('an image of one layer')
  return blob(layer.digest)
}

async function inScratch<T>(use: (scratch: string) => Promise<T>): Promise<T> {
  const scratch = mkdtempSync(join(tmpdir(), 'unpacked-'))
  try {
    return await use(scratch)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
