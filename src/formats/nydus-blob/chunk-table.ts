import { strict as assert } from 'node:assert'
import { AccelError } from '../../errors/accel-error.ts'
import { alignUp, viewOf } from '../../bytes/layout.ts'
import { RecordReader } from '../../bytes/record-reader.ts'
import { formatFailure } from '../nydus-tree/format-failure.ts'
import { COMPRESSORS, compressorCode, type Compressor } from './algorithm.ts'
import {
  type ChunkInfo,
  packChunkInfoV1,
  packChunkInfoV2,
  unpackChunkInfoV1,
  unpackChunkInfoV2,
} from './chunk-info.ts'
import { BlobFeature, hasFeature } from './feature.ts'
import {
  BatchContext,
  CHUNK_TABLE_MAGIC,
  ChunkInfoV1,
  ChunkInfoV2,
  ChunkTableHeader,
  ZranContext,
} from './layout.ts'

/** A chunk table without its codec: entries in order of index, and what they refer to. */
export interface ChunkTable {
  /** Entries of 24 bytes. Needed by zran, batches and encryption. */
  v2: boolean
  /** How many chunks there are. */
  count: number
  chunks: Iterable<ChunkInfo>
  /** zran blobs alone. */
  zran?: { contexts: ZranContext[]; dictionaries: Uint8Array }
  /** Blobs with batches alone. */
  batches?: BatchContext[]
}

/** Entries as they are stored, each decoded when it is asked for: no objects for the millions that a blob may have. */
export class ChunkRows implements Iterable<ChunkInfo> {
  readonly length: number
  readonly #view: DataView
  readonly #v2: boolean

  /** `bytes` begin with `length` entries. */
  constructor(bytes: Uint8Array, v2: boolean, length: number) {
    this.length = length
    this.#view = viewOf(bytes)
    this.#v2 = v2
  }

  /** The entry of the chunk `index`, or undefined where there is none. */
  at(index: number): ChunkInfo | undefined {
    if (!(index >= 0 && index < this.length)) return undefined
    return this.#v2
      ? unpackChunkInfoV2(ChunkInfoV2.decode(this.#view, index * ChunkInfoV2.size))
      : unpackChunkInfoV1(ChunkInfoV1.decode(this.#view, index * ChunkInfoV1.size))
  }

  *entries(): Generator<[index: number, chunk: ChunkInfo]> {
    for (let index = 0; index < this.length; index++) yield [index, this.at(index)!]
  }

  *[Symbol.iterator](): Generator<ChunkInfo> {
    for (let index = 0; index < this.length; index++) yield this.at(index)!
  }
}

/** A table as read. */
export interface ReadChunkTable extends ChunkTable {
  chunks: ChunkRows
}

/** Largest table that is read, uncompressed: as many chunks as a blob can have, and as much again. */
export const MAX_CHUNK_TABLE = 1024 * 1024 * 1024

/** The bytes of a table, uncompressed: entries, then contexts and dictionaries. */
export function encodeChunkTable(table: ChunkTable): Uint8Array {
  const entrySize = table.v2 ? ChunkInfoV2.size : ChunkInfoV1.size
  const { offset, size } = contextArea(table)
  const out = new Uint8Array(offset + size)
  const view = viewOf(out)
  let at = 0
  for (const chunk of table.chunks) {
    if (table.v2) encodeV2(view, at, chunk)
    else encodeV1(view, at, chunk)
    at += entrySize
  }
  assert.equal(at, offset, 'as many entries as were announced')
  table.zran?.contexts.forEach((context, i) => {
    ZranContext.encode(view, offset + i * ZranContext.size, context)
  })
  if (table.zran !== undefined)
    out.set(table.zran.dictionaries, out.length - table.zran.dictionaries.length)
  table.batches?.forEach((batch, i) => {
    BatchContext.encode(view, offset + i * BatchContext.size, batch)
  })
  return out
}

const V1 = {
  uncompressedLow: ChunkInfoV1.offsetOf('uncompressedLow'),
  uncompressedHigh: ChunkInfoV1.offsetOf('uncompressedHigh'),
  compressedLow: ChunkInfoV1.offsetOf('compressedLow'),
  compressedHigh: ChunkInfoV1.offsetOf('compressedHigh'),
} as const

const V2 = {
  block: ChunkInfoV2.offsetOf('block'),
  sizeAndFlags: ChunkInfoV2.offsetOf('sizeAndFlags'),
  offsetLow: ChunkInfoV2.offsetOf('offsetLow'),
  offsetHighAndSize: ChunkInfoV2.offsetOf('offsetHighAndSize'),
  dataLow: ChunkInfoV2.offsetOf('dataLow'),
  dataHigh: ChunkInfoV2.offsetOf('dataHigh'),
} as const

function encodeV1(view: DataView, at: number, chunk: ChunkInfo): void {
  const packed = packChunkInfoV1(chunk)
  view.setUint32(at + V1.uncompressedLow, packed.uncompressedLow, true)
  view.setUint32(at + V1.uncompressedHigh, packed.uncompressedHigh, true)
  view.setUint32(at + V1.compressedLow, packed.compressedLow, true)
  view.setUint32(at + V1.compressedHigh, packed.compressedHigh, true)
}

function encodeV2(view: DataView, at: number, chunk: ChunkInfo): void {
  const packed = packChunkInfoV2(chunk)
  view.setUint32(at + V2.block, packed.block, true)
  view.setUint32(at + V2.sizeAndFlags, packed.sizeAndFlags, true)
  view.setUint32(at + V2.offsetLow, packed.offsetLow, true)
  view.setUint32(at + V2.offsetHighAndSize, packed.offsetHighAndSize, true)
  view.setUint32(at + V2.dataLow, packed.dataLow, true)
  view.setUint32(at + V2.dataHigh, packed.dataHigh, true)
}

/** The header that stands behind the stored table. */
export function encodeChunkTableHeader(
  table: ChunkTable,
  stored: { features: number; compressor: Compressor; offset: number; size: number },
): Uint8Array {
  const { offset, size, count } = contextArea(table)
  const header = new Uint8Array(ChunkTableHeader.size)
  ChunkTableHeader.encode(viewOf(header), 0, {
    magic: CHUNK_TABLE_MAGIC,
    features: stored.features,
    ciCompressor: compressorCode(stored.compressor),
    ciEntries: table.count,
    ciOffset: stored.offset,
    ciCompressedSize: stored.size,
    ciUncompressedSize: offset + size,
    ciContextOffset: count === 0 ? 0 : offset,
    ciContextSize: size,
    ciContextCount: count,
    magic2: CHUNK_TABLE_MAGIC,
  })
  return header
}

/** What nydusd keeps beside the bootstrap as `<blob id>.blob.meta`: the table in whole blocks, and its header. */
export function blobMetaFile(table: Uint8Array, header: Uint8Array): Uint8Array {
  const out = new Uint8Array(alignUp(table.length, 4096) + header.length)
  out.set(table)
  out.set(header, out.length - header.length)
  return out
}

/**
 * Reads the header of a stored table. Throws FORMAT_INVALID, FORMAT_TRUNCATED, FORMAT_LIMIT_EXCEEDED; `what` names
 * the blob.
 */
export function decodeChunkTableHeader(
  bytes: Uint8Array,
  what: string,
): ChunkTableHeader & { compressor: Compressor } {
  const reader = new RecordReader(bytes, formatFailure(what, 'Nydus chunk table'))
  reader.require(0, ChunkTableHeader.size, 'header')
  for (const field of ['magic', 'magic2'] as const) {
    const at = ChunkTableHeader.offsetOf(field)
    if (reader.u32(at, field) !== CHUNK_TABLE_MAGIC) {
      throw reader.invalid(at, 'no chunk table header, or one that is encrypted')
    }
  }
  const header = reader.record(ChunkTableHeader, 0, 'header')
  const compressor = COMPRESSORS[header.ciCompressor]
  if (compressor === undefined) throw reader.invalid(8, `compressor ${header.ciCompressor}`)
  if (header.ciUncompressedSize > MAX_CHUNK_TABLE) {
    const limit = { limit: 'bytes', value: header.ciUncompressedSize, max: MAX_CHUNK_TABLE }
    throw new AccelError('FORMAT_LIMIT_EXCEEDED', { what, format: 'Nydus chunk table', ...limit })
  }
  if (header.ciCompressedSize > header.ciUncompressedSize)
    throw reader.invalid(24, 'a table that grew')
  return { ...header, compressor }
}

/** What a blob entry or a blob says, against which its chunks are checked. */
export interface ChunkBounds {
  /** End of the stored chunks in the file that holds them. */
  compressedSize: number
  uncompressedSize: number
}

/**
 * Reads a table, uncompressed. With `bounds` every chunk is held to what nydusd checks before it reads it.
 * Source: nydus storage/src/meta/{mod,chunk_info_v1,chunk_info_v2}.rs (validate). Throws FORMAT_INVALID and FORMAT_TRUNCATED.
 */
export function decodeChunkTable(
  bytes: Uint8Array,
  header: ChunkTableHeader,
  what: string,
  bounds?: ChunkBounds,
): ReadChunkTable {
  const reader = new RecordReader(bytes, formatFailure(what, 'Nydus chunk table'))
  const { features, ciEntries, ciContextOffset, ciContextCount, ciContextSize } = header
  const v2 = hasFeature(features, BlobFeature.chunkInfoV2)
  const entrySize = v2 ? ChunkInfoV2.size : ChunkInfoV1.size
  if (bytes.length !== header.ciUncompressedSize) {
    throw reader.invalid(bytes.length, `${bytes.length} bytes of ${header.ciUncompressedSize}`)
  }
  reader.require(0, ciEntries * entrySize, `${ciEntries} entries`)
  if (ciContextCount > 0 && ciContextOffset !== ciEntries * entrySize) {
    throw reader.invalid(0, `contexts at ${ciContextOffset}`)
  }
  reader.require(ciContextOffset, ciContextSize, 'contexts')
  const table: ReadChunkTable = {
    v2,
    count: ciEntries,
    chunks: new ChunkRows(bytes, v2, ciEntries),
  }
  if (hasFeature(features, BlobFeature.zran)) table.zran = readZran(reader, header)
  else if (hasFeature(features, BlobFeature.batch)) {
    if (ciContextCount * BatchContext.size > ciContextSize)
      throw reader.invalid(ciContextOffset, 'batches missing')
    table.batches = Array.from({ length: ciContextCount }, (_, i) =>
      reader.record(BatchContext, ciContextOffset + i * BatchContext.size),
    )
  }
  if (bounds !== undefined) checkChunks(reader, table, bounds)
  return table
}

function readZran(
  reader: RecordReader,
  header: ChunkTableHeader,
): { contexts: ZranContext[]; dictionaries: Uint8Array } {
  const { ciContextOffset, ciContextCount, ciContextSize } = header
  const size = ciContextCount * ZranContext.size
  if (size > ciContextSize) throw reader.invalid(ciContextOffset, 'contexts missing')
  const dictionaries = reader.slice(ciContextOffset + size, ciContextSize - size, 'dictionaries')
  const contexts = Array.from({ length: ciContextCount }, (_, i) => {
    const at = ciContextOffset + i * ZranContext.size
    const context = reader.record(ZranContext, at)
    const fits =
      context.dictLength <= 32768 &&
      context.pendingBits <= 7 &&
      context.dictOffset + context.dictLength <= dictionaries.length
    if (!fits) throw reader.invalid(at, 'a context whose dictionary is not there')
    return context
  })
  return { contexts, dictionaries }
}

function checkChunks(reader: RecordReader, table: ReadChunkTable, bounds: ChunkBounds): void {
  const entrySize = table.v2 ? ChunkInfoV2.size : ChunkInfoV1.size
  let next = 0
  for (const [i, chunk] of table.chunks.entries()) {
    const invalid = (problem: string): Error =>
      reader.invalid(i * entrySize, `chunk ${i} ${problem}`)
    if (chunk.compressedOffset + chunk.compressedSize > bounds.compressedSize)
      throw invalid('ends behind the data')
    if (
      alignUp(chunk.uncompressedOffset + chunk.uncompressedSize, 4096) >
      alignUp(bounds.uncompressedSize, 4096)
    ) {
      throw invalid('ends behind the uncompressed blob')
    }
    const { zran, batch } = chunk
    // Readers find chunks by offset; zran blobs of old writers have gaps.
    if (zran === undefined ? chunk.uncompressedOffset !== next : chunk.uncompressedOffset < next) {
      throw invalid(`begins at ${chunk.uncompressedOffset}, not at ${next}`)
    }
    next = alignUp(chunk.uncompressedOffset + chunk.uncompressedSize, 4096)
    if (chunk.compressedSize === 0 && zran === undefined && batch === undefined)
      throw invalid('is empty')
    if (!chunk.compressed && !chunk.encrypted && chunk.compressedSize !== chunk.uncompressedSize) {
      throw invalid('is not compressed and has two sizes')
    }
    if (chunk.crc32 === 0) throw invalid('has a CRC of 0')
    if (zran !== undefined) {
      const context = table.zran?.contexts[zran.context]
      if (context === undefined || zran.offset + chunk.uncompressedSize > context.outLength) {
        throw invalid('is outside its zran context')
      }
    }
    if (batch !== undefined) {
      const context = table.batches?.[batch.batch]
      if (
        context === undefined ||
        batch.offset + chunk.uncompressedSize > context.uncompressedSize
      ) {
        throw invalid('is outside its batch')
      }
    }
  }
}

/** Where the contexts begin, how many there are, and their bytes with all dictionaries. */
function contextArea(table: ChunkTable): { offset: number; size: number; count: number } {
  const offset = table.count * (table.v2 ? ChunkInfoV2.size : ChunkInfoV1.size)
  if (table.zran !== undefined) {
    const { contexts, dictionaries } = table.zran
    return {
      offset,
      size: contexts.length * ZranContext.size + dictionaries.length,
      count: contexts.length,
    }
  }
  const count = table.batches?.length ?? 0
  return { offset, size: count * BatchContext.size, count }
}
