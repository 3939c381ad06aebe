import { gunzipSync } from 'node:zlib'
import { decodeFooter, FOOTER_TAIL } from '../../src/formats/estargz/footer.ts'
import { TOC_DIGEST_ANNOTATION } from '../../src/formats/estargz/layout.ts'
import type { Toc, TocEntry } from '../../src/formats/estargz/toc.ts'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { parseManifest } from '../../src/oci/manifest.ts'
import type { ImageSource } from '../../src/transport/image-transport.ts'
import { formatCount, formatSize } from '../bench/table.ts'
import { rangeReader, type RangeReader } from './range-reader.ts'

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

interface LazyLayer {
  descriptor: Descriptor
  reader: RangeReader
  toc: Toc
}

/**
 * Reads one file of an eStargz image as a snapshotter does: the manifest, of each layer its footer and its table of
 * contents, then the chunks of the file; all verified. Rejects when something is not what its digest says, or missing.
 */
export async function readLazily(name: string, init: LazyReadInit): Promise<Uint8Array> {
  const { repository, tag, signal, onRead } = init
  const descriptor = await repository.resolve(tag, { signal })
  const manifest = parseManifest(await repository.manifest(descriptor, { signal }), tag)
  onRead(`manifest: ${formatCount(manifest.layers.length)} layers`)
  const layers = await Promise.all(manifest.layers.map((layer) => openLayer(layer, init)))
  // the uppermost layer that has it decides
  for (const { reader, toc, descriptor: layer } of layers.toReversed()) {
    const found = toc.entries.findIndex((entry) => entry.name === name && entry.type === 'reg')
    if (found >= 0) return readFile(toc, found, { ...init, reader, end: layer.size })
  }
  throw new Error(`no layer of ${tag} has /${name}`)
}

async function openLayer(descriptor: Descriptor, init: LazyReadInit): Promise<LazyLayer> {
  const { size, digest } = descriptor
  const reader = rangeReader({ ...init, repository: init.repository.repository, digest })
  const footer = decodeFooter(await reader.read(size - FOOTER_TAIL, FOOTER_TAIL))
  if (footer?.toc !== 'inside') throw new Error(`layer ${digest} is no eStargz`)
  const stored = await reader.read(footer.tocOffset, size - footer.size - footer.tocOffset)
  const json = fileOfTar(gunzipSync(stored))
  if (digestOf(json) !== descriptor.annotations?.[TOC_DIGEST_ANNOTATION]) {
    throw new Error(`the table of contents of ${digest} is not what the manifest says`)
  }
  const toc = JSON.parse(json.toString()) as Toc
  const entries = formatCount(toc.entries.length)
  init.onRead(
    `layer ${digest.slice(7, 19)}: footer, ${formatSize(stored.length)} for ${entries} rows`,
  )
  return { descriptor, reader, toc }
}

/** The content of the only file of a small tar. */
function fileOfTar(tar: Buffer): Buffer {
  const size = Number.parseInt(tar.toString('latin1', 124, 136), 8)
  return tar.subarray(512, 512 + size)
}

/** The chunks of a file, whose first row is the one at `index`. */
async function readFile(
  { entries }: Toc,
  index: number,
  init: LazyReadInit & { reader: RangeReader; end: number },
): Promise<Uint8Array> {
  const file = entries[index]!
  const chunks: TocEntry[] = [file]
  while (entries[index + chunks.length]?.type === 'chunk')
    chunks.push(entries[index + chunks.length]!)
  const offsets = entries.flatMap(({ offset }) => offset ?? [])
  const pieces: Uint8Array[] = []
  for (const { offset = 0, innerOffset = 0, chunkOffset = 0, chunkSize, chunkDigest } of chunks) {
    const end = Math.min(...offsets.filter((other) => other > offset), init.end)
    const stored = await init.reader.read(offset, end - offset)
    const length = chunkSize ?? (file.size ?? 0) - chunkOffset
    const piece = gunzipSync(stored).subarray(innerOffset, innerOffset + length)
    if (digestOf(piece) !== chunkDigest) throw new Error(`a chunk of ${file.name} is damaged`)
    pieces.push(piece)
    init.onRead(`chunk: ${formatSize(stored.length)} stored, ${formatSize(length)} unpacked`)
  }
  return Buffer.concat(pieces)
}
