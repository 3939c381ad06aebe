import { BlobReader, type BlobSource } from '../../formats/nydus-blob/blob-reader.ts'
import { isOwnBlob, versionOf } from '../../drivers/nydus/rafs.ts'
import type { BlobCipher } from '../../formats/nydus-blob/cipher.ts'
import { cipherOf } from '../../formats/rafs-v6/blob-entry.ts'
import { readTables } from '../../formats/rafs-v6/tables.ts'
import { COMPRESSORS } from '../../formats/nydus-blob/algorithm.ts'
import type { ChunkInfo } from '../../formats/nydus-blob/chunk-info.ts'
import type { ReadChunkTable } from '../../formats/nydus-blob/chunk-table.ts'
import { BlobFeature } from '../../formats/nydus-blob/feature.ts'
import type { ChunkTableHeader } from '../../formats/nydus-blob/layout.ts'
import { DIGEST_SIZE } from '../../formats/nydus-tree/chunk-store.ts'
import { type Detail, inspectBootstrap } from './bootstrap.ts'
import { type Facts, flagNames, hex, hexNumber, type Row, Rows } from './facts.ts'

/**
 * What a Nydus blob says of itself: its sections, table of contents, chunk table and the bootstrap inside. The data is
 * not read. Throws FORMAT_….
 */
export async function inspectNydusBlob(
  source: BlobSource,
  what: string,
  detail: Detail,
): Promise<Facts> {
  const inside = `${what}, image.boot`
  const plain = await BlobReader.open(source, what)
  const bootstrap = await plain.bootstrap()
  const cipher = bootstrap && cipherIn(bootstrap, inside)
  const blob = cipher === undefined ? plain : await BlobReader.open(source, what, cipher)
  const table = await blob.chunkTable()
  const digests = detail.chunks ? await blob.digests() : undefined
  return {
    format: 'Nydus blob',
    size: source.size,
    sections: new Rows(() => blob.sections.map((section) => ({ ...section }))),
    toc: blob.toc && tocRows(blob.toc),
    chunkTable: table && chunkTableFacts(table),
    ...(detail.chunks && table && { chunks: new Rows(() => chunkRows(table, digests)) }),
    bootstrap: bootstrap && inspectBootstrap(bootstrap, inside, detail),
  }
}

/** How the blob is encrypted, which the bootstrap inside it says. */
function cipherIn(bootstrap: Uint8Array, what: string): BlobCipher | undefined {
  if (versionOf(bootstrap) !== 6) return undefined
  const { blobs } = readTables(bootstrap, what)
  const own = blobs.find(isOwnBlob)
  return own && cipherOf(own)
}

function tocRows(toc: NonNullable<BlobReader['toc']>): Rows {
  return new Rows(() =>
    toc.map((item) => ({
      name: item.name,
      offset: item.compressedOffset,
      compressed: item.compressedSize,
      uncompressed: item.uncompressedSize,
      compressor: item.compressor,
      digest: hex(item.uncompressedDigest),
    })),
  )
}

function chunkTableFacts(table: ReadChunkTable & { header: ChunkTableHeader }): Facts {
  const { header, zran, batches } = table
  return {
    ...header,
    magic: hexNumber(header.magic),
    magic2: hexNumber(header.magic2),
    features: flagNames(BlobFeature, header.features),
    ciCompressor: COMPRESSORS[header.ciCompressor],
    ...(zran && {
      dictionaries: zran.dictionaries.length,
      zran: new Rows(() => zran.contexts.map((context, index) => ({ index, ...context }))),
    }),
    ...(batches && {
      batches: new Rows(() => batches.map((batch, index) => ({ index, ...batch }))),
    }),
  }
}

function* chunkRows({ chunks }: ReadChunkTable, digests: Uint8Array | undefined): Generator<Row> {
  for (const [index, chunk] of chunks.entries()) {
    const at = index * DIGEST_SIZE
    yield {
      index,
      compressedOffset: chunk.compressedOffset,
      compressed: chunk.compressedSize,
      uncompressedOffset: chunk.uncompressedOffset,
      uncompressed: chunk.uncompressedSize,
      digest: digests && hex(digests.subarray(at, at + DIGEST_SIZE)),
      stored: storedAs(chunk),
    }
  }
}

/** How a chunk is stored, and where in its context or batch it is. */
function storedAs({ compressed, encrypted, zran, batch, crc32 }: ChunkInfo): string[] {
  return [
    ...(compressed ? ['compressed'] : []),
    ...(encrypted ? ['encrypted'] : []),
    ...(zran ? [`zran ${zran.context}+${zran.offset}`] : []),
    ...(batch ? [`batch ${batch.batch}+${batch.offset}`] : []),
    ...(crc32 === undefined ? [] : [`crc32 ${hexNumber(crc32)}`]),
  ]
}
