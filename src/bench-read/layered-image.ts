import type { TargetImage } from '../check/target-image.ts'
import type { ListedEntry } from '../formats/listing/listed-entry.ts'
import { Listing, type ListingData } from '../formats/listing/listing.ts'
import { MergedTree } from '../formats/listing/merged-tree.ts'
import { parentPath } from '../formats/tar/path.ts'
import { STARGZ_POSITION_ANNOTATION } from '../formats/zstd-chunked/layout.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { layerKind } from '../verify/layer-kind.ts'
import { listLayer } from '../verify/verify-image.ts'
import {
  IN_BACKGROUND,
  type ImageFacts,
  type OpenedFile,
  type OpenedImage,
} from './opened-image.ts'
import { inParallel } from './in-parallel.ts'
import type { ReaderParts } from './reader-parts.ts'
import { SparseBlob } from './sparse-blob.ts'
import { TocLayer } from './toc-layer.ts'

/** Layers that containerd pulls at a time. Source: containerd docs/cri/config.md (max_concurrent_downloads). */
const PULLED_LAYERS = 3

/** How stargz-snapshotter reads a layer, `undefined`: it cannot, and containerd pulls all of it. */
export function tocFormat(descriptor: Descriptor): 'estargz' | 'zstd-chunked' | undefined {
  const kind = layerKind(descriptor)
  if (kind === 'estargz') return kind
  const forStargz = descriptor.annotations?.[STARGZ_POSITION_ANNOTATION] !== undefined
  return kind === 'zstd-chunked' && forStargz ? kind : undefined
}

/** A layer that is mounted, or, a listing alone, was pulled. */
type Layer = TocLayer | { listing: Listing }

/**
 * Opens an image layer by layer, as containerd with stargz-snapshotter does: layers with a TOC are mounted, all at once,
 * and those without are pulled, decompressed and held to their diffIDs, three at a time; nothing of them is kept but what
 * they hold. An ordinary image is one that has no other.
 */
export async function openLayeredImage(
  { what, manifest, config }: TargetImage,
  parts: ReaderParts,
): Promise<OpenedImage> {
  const { layers } = manifest
  const diffIds = new Map(layers.map(({ digest }, i) => [digest, config.rootfs.diff_ids[i]!]))
  const different = [...new Map(layers.map((layer) => [layer.digest, layer])).values()]
  const opened = new Map<Digest, Layer>()
  const isLazy = (layer: Descriptor): boolean => tocFormat(layer) !== undefined
  const lazy = different.filter(isLazy)
  const pulled = different.filter((layer) => !isLazy(layer))
  const name = ({ digest }: Descriptor): string => `${what} layer ${digest}`
  await inParallel(lazy, parts.concurrency ?? lazy.length, async (layer) => {
    const blob = parts.stack.use(await SparseBlob.open(parts.repository, layer, parts.work))
    const init = { what: name(layer), format: tocFormat(layer)! }
    opened.set(layer.digest, await TocLayer.open(parts.repository, blob, init))
  })
  await inParallel(pulled, parts.concurrency ?? PULLED_LAYERS, async (layer) => {
    const diffId = diffIds.get(layer.digest)!
    const data = await pullLayer(layer, diffId, name(layer), parts)
    opened.set(layer.digest, { listing: new Listing(data) })
  })
  return new LayeredImage(
    layers.map(({ digest }) => opened.get(digest)!),
    factsOf(lazy, pulled),
  )
}

function factsOf(lazy: readonly Descriptor[], pulled: readonly Descriptor[]): ImageFacts {
  const all = [...lazy, ...pulled]
  const formats = new Set(lazy.map(tocFormat))
  const notes: string[] = lazy.length > 0 ? [IN_BACKGROUND] : []
  if (lazy.length > 0 && pulled.length > 0) {
    notes.push(`${pulled.length} of ${all.length} layers cannot be read lazily and are pulled`)
  }
  if (pulled.some((layer) => layerKind(layer) === 'zstd-chunked')) {
    notes.push('zstd:chunked for podman alone, which fetches what it lacks before it starts')
  }
  return {
    format: formats.has('zstd-chunked')
      ? 'zstd-chunked'
      : formats.has('estargz')
        ? 'estargz'
        : 'ordinary',
    reader: lazy.length === 0 ? 'containerd' : 'stargz-snapshotter',
    size: all.reduce((sum, { size }) => sum + size, 0),
    notes,
  }
}

function pullLayer(
  descriptor: Descriptor,
  diffId: Digest,
  what: string,
  { repository, threads, signal }: ReaderParts,
): Promise<ListingData> {
  const open = (stop: AbortSignal): AsyncGenerator<Uint8Array> => repository.blob(descriptor, stop)
  return listLayer({ what, descriptor, diffId, open }, { what, threads, signal })
}

class LayeredImage implements OpenedImage {
  readonly facts: ImageFacts
  readonly #layers: readonly Layer[]
  readonly #tree = new MergedTree()

  constructor(layers: readonly Layer[], facts: ImageFacts) {
    this.facts = facts
    this.#layers = layers
    for (const { listing } of layers) this.#tree.apply(listing)
  }

  entry(path: string): OpenedFile | undefined {
    const entry = this.#tree.entry(path)
    if (entry === undefined) return undefined
    const { kind, mode, size, target, content } = entry
    return { kind: fileKind(kind), mode, size, target, ...(content ? { content } : {}) }
  }

  children(path: string): string[] {
    const paths: string[] = []
    for (const entry of this.#tree) if (parentPath(entry.path) === path) paths.push(entry.path)
    return paths
  }

  async prefetch(): Promise<void> {
    const mounted = new Set(this.#layers.filter((layer) => layer instanceof TocLayer))
    await Promise.all([...mounted].map((layer) => layer.prefetch()))
  }

  async *read(path: string, offset: number, length: number): AsyncGenerator<Uint8Array> {
    const origin = this.#tree.origin(path)
    const layer = origin && this.#layers[origin.layer]
    if (layer instanceof TocLayer) yield* layer.read(origin!.path, offset, length)
  }
}

function fileKind(kind: ListedEntry['kind']): OpenedFile['kind'] {
  return kind === 'file' || kind === 'directory' || kind === 'symlink' ? kind : 'other'
}
