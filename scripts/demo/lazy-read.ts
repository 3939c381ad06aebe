import { TOC_DIGEST_ANNOTATION } from '../../src/formats/estargz/layout.ts'
import { openEstargz, type Estargz } from '../../src/formats/estargz/read.ts'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import { parseManifest } from '../../src/oci/manifest.ts'
import type { ImageSource } from '../../src/transport/image-transport.ts'
import { formatCount, formatSize } from '../bench/table.ts'
import { rangeReader } from './range-reader.ts'

export interface LazyReadInit {
  repository: ImageSource & { readonly repository: string }
  tag: string
  /** `http://host:port` of the registry, and what it wants to be told. */
  registry: string
  headers: Record<string, string>
  /** Hears of each thing that is read. */
  onRead(text: string): void
  signal: AbortSignal
}

/**
 * Reads one file of an eStargz image as a snapshotter does: the manifest, of each layer its footer and its table of
 * contents, then the chunks of the file; all verified. Rejects when something is not what its digest says, or missing.
 */
export async function readLazily(path: string, init: LazyReadInit): Promise<Uint8Array> {
  const { repository, tag, signal, onRead } = init
  const descriptor = await repository.resolve(tag, { signal })
  const manifest = parseManifest(await repository.manifest(descriptor, { signal }), tag)
  onRead(`the manifest: ${formatCount(manifest.layers.length)} layers`)
  const layers = await Promise.all(manifest.layers.map((layer) => openLayer(layer, init)))
  // the uppermost layer that has it decides
  for (const layer of layers.toReversed()) {
    const file = layer.entry(path)
    if (file === undefined) continue
    const chunks = layer.chunks(file)
    const stored = chunks.reduce((sum, { blobOffset, blobEnd }) => sum + blobEnd - blobOffset, 0)
    onRead(`the file: ${formatSize(stored)} for ${formatSize(file.size ?? 0)}`)
    return Buffer.concat(await Array.fromAsync(layer.readFile(file)))
  }
  throw new Error(`no layer of ${tag} has /${path}`)
}

async function openLayer(descriptor: Descriptor, init: LazyReadInit): Promise<Estargz> {
  const { digest, size, annotations } = descriptor
  const what = `layer ${digest.slice(7, 19)}`
  const tocDigest = annotations?.[TOC_DIGEST_ANNOTATION]
  if (tocDigest === undefined) throw new Error(`${what} is no eStargz by its annotations`)
  const readAt = rangeReader({ ...init, repository: init.repository.repository, digest })
  const layer = await openEstargz(readAt, { what, size, tocDigest })
  const rows = formatCount(layer.toc.entries.length)
  init.onRead(`${what}: ${formatSize(size - layer.tocOffset)} for a table of ${rows} rows`)
  return layer
}
