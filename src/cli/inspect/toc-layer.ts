import {
  NO_PREFETCH_LANDMARK,
  PREFETCH_LANDMARK,
  TOC_DIGEST_ANNOTATION,
} from '../../formats/estargz/layout.ts'
import { type Estargz, openEstargz } from '../../formats/estargz/read.ts'
import type { BlobSource } from '../../formats/nydus-blob/blob-reader.ts'
import { openZstdChunked } from '../../formats/zstd-chunked/read.ts'
import type { Detail } from './bootstrap.ts'
import { type Facts, type Row, Rows } from './facts.ts'

/** What is said of a layer besides its bytes. */
export interface TocLayerInit {
  /** Names the layer in messages. */
  what: string
  /** The layer's; what they say of the TOC is checked. */
  annotations?: Readonly<Record<string, string>> | undefined
}

/** What an eStargz layer says: two reads, of footer and TOC. Throws FORMAT_…, CONTENT_DIGEST_MISMATCH. */
export async function inspectEstargz(
  source: BlobSource,
  { what, annotations }: TocLayerInit,
  detail: Detail,
): Promise<Facts> {
  const tocDigest = annotations?.[TOC_DIGEST_ANNOTATION]
  const layer = await openEstargz(readAt(source), {
    what,
    size: source.size,
    ...(tocDigest !== undefined && { tocDigest }),
  })
  return {
    format: 'eStargz layer',
    size: source.size,
    tocOffset: layer.tocOffset,
    tocSize: source.size - layer.tocOffset,
    tocDigest: layer.tocDigest,
    ...tocFacts(layer, detail),
  }
}

/** What a zstd:chunked layer of either dialect says: footer, TOC, tar-split. Throws FORMAT_…, CONTENT_DIGEST_MISMATCH. */
export async function inspectZstdChunked(
  source: BlobSource,
  { what, annotations }: TocLayerInit,
  detail: Detail,
): Promise<Facts> {
  const layer = await openZstdChunked(readAt(source), {
    what,
    size: source.size,
    ...(annotations && { annotations }),
  })
  const { toc, tarSplit } = layer.positions
  return {
    format: 'zstd:chunked layer',
    size: source.size,
    footer: layer.dialect,
    tocOffset: toc.offset,
    tocSize: toc.size,
    tocUncompressed: toc.uncompressedSize,
    tocDigest: layer.tocDigest,
    compressedTocDigest: layer.compressedTocDigest,
    tarSplit: tarSplit && { ...tarSplit, records: layer.tarSplit?.length },
    ...tocFacts(layer, detail),
  }
}

function readAt(source: BlobSource): (offset: number, length: number) => Promise<Uint8Array> {
  return (offset, length) => source.read(offset, length)
}

function tocFacts(layer: Estargz, detail: Detail): Facts {
  const { entries, version } = layer.toc
  const counts: Record<string, number> = {}
  let bytes = 0
  for (const { type, size = 0 } of entries) {
    counts[type] = (counts[type] ?? 0) + 1
    if (type === 'reg') bytes += size
  }
  const landmark = [PREFETCH_LANDMARK, NO_PREFETCH_LANDMARK].find((name) => layer.entry(name))
  return {
    version,
    landmark: landmark ?? 'none',
    prefetchEnd: landmark === PREFETCH_LANDMARK ? layer.entry(landmark)?.offset : undefined,
    entries: { ...counts, bytes },
    ...(detail.tree && { tree: new Rows(() => treeRows(layer)) }),
    ...(detail.chunks && { chunks: new Rows(() => chunkRows(layer)) }),
  }
}

function* treeRows({ toc }: Estargz): Generator<Row> {
  for (const entry of toc.entries) {
    if (entry.type === 'chunk') continue
    yield {
      type: entry.type,
      mode: entry.mode === undefined ? undefined : entry.mode.toString(8).padStart(4, '0'),
      uid: entry.uid ?? 0,
      gid: entry.gid ?? 0,
      size: entry.size ?? 0,
      mtime: entry.modtime,
      path: entry.name,
      to: entry.linkName,
      device:
        entry.type === 'char' || entry.type === 'block'
          ? `${entry.devMajor ?? 0}:${entry.devMinor ?? 0}`
          : undefined,
      xattrs:
        entry.xattrs && Object.entries(entry.xattrs).map(([name, value]) => `${name}=${value}`),
      digest: entry.digest,
    }
  }
}

function* chunkRows(layer: Estargz): Generator<Row> {
  for (const entry of layer.toc.entries) {
    if (entry.type !== 'reg') continue
    for (const chunk of layer.chunks(entry)) {
      yield {
        blobOffset: chunk.blobOffset,
        innerOffset: chunk.innerOffset,
        fileOffset: chunk.offset,
        size: chunk.size,
        digest: chunk.digest,
        path: entry.name,
      }
    }
  }
}
