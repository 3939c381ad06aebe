/** Changes inside a Nydus blob, after which its table of contents is right again. */
import { hash } from 'node:crypto'
import { constants, zstdCompressSync } from 'node:zlib'
import { viewOf } from '../../bytes/layout.ts'
import type { ChunkInfo } from '../../formats/nydus-blob/chunk-info.ts'
import { decryptPiece, type BlobCipher } from '../../formats/nydus-blob/cipher.ts'
import type { BlobReader } from '../../formats/nydus-blob/blob-reader.ts'
import { digestFunction } from '../../formats/nydus-blob/chunk-digest.ts'
import { decompressPiece } from '../../formats/nydus-blob/chunk-codec.ts'
import {
  decodeChunkTable,
  decodeChunkTableHeader,
  encodeChunkTable,
  encodeChunkTableHeader,
  type ChunkTable,
} from '../../formats/nydus-blob/chunk-table.ts'
import { SECTION_HEADER_SIZE } from '../../formats/nydus-blob/section-header.ts'
import { skippableHeader } from '../../formats/zstd-chunked/footer.ts'
import { SkippableHeader } from '../../formats/zstd-chunked/layout.ts'
import { DIGEST_SIZE } from '../../formats/nydus-tree/chunk-store.ts'
import { encodeToc, SectionName, type TocItem } from '../../formats/nydus-blob/toc.ts'
import type { Damage } from './damage-bench.ts'
import { inBlob, inBootstrap, openBlob, replaceAll } from './nydus-edit.ts'

/** A change of a blob's bytes, in place; the ToC is right after it. An encrypted blob needs its cipher. */
export function sealed(
  change: (bytes: Buffer, blob: BlobReader) => void | Promise<void>,
  cipher?: BlobCipher,
): (bytes: Buffer) => Promise<Buffer> {
  return async (bytes) => {
    const blob = await openBlob(bytes)
    await change(bytes, blob)
    return reseal(bytes, blob, cipher)
  }
}

/** A change of the ToC itself. */
export function inToc(change: (items: TocItem[]) => void): (bytes: Buffer) => Promise<Buffer> {
  return async (bytes) => {
    const blob = await openBlob(bytes)
    const items = blob.toc!.map((item) => ({ ...item }))
    change(items)
    bytes.set(encodeToc(items), blob.section(SectionName.toc)!.offset)
    return bytes
  }
}

/** A chunk table with its entries, to be changed. */
export interface EditedTable extends ChunkTable {
  chunks: ChunkInfo[]
}

/**
 * A change of the chunk table. It must be stored as long as it was: what is shorter is filled up, which zstd lets
 * pass.
 */
export function inChunkTable(
  change: (table: EditedTable) => void,
): (bytes: Buffer) => Promise<Buffer> {
  return sealed(async (bytes, blob) => {
    const { table: raw, header: rawHeader } = (await blob.chunkTableBytes())!
    const header = decodeChunkTableHeader(rawHeader, 'the blob')
    const decoded = decodeChunkTable(raw, header, 'the blob')
    const table = { ...decoded, chunks: [...decoded.chunks] }
    change(table)
    const stored = padded(encodeChunkTable(table), header)
    bytes.set(stored, header.ciOffset)
    const { ciOffset: offset, ciCompressedSize: size, features, compressor } = header
    const encoded = encodeChunkTableHeader(table, { offset, size, features, compressor })
    bytes.set(encoded, offset + size)
  })
}

/** The bytes as stored, of the same length as before: at a level at which that can be had. */
function padded(
  table: Uint8Array,
  { compressor, ciCompressedSize }: { compressor: string; ciCompressedSize: number },
): Uint8Array {
  if (compressor === 'none') return table
  for (let level = 3; level <= 22; level++) {
    const frame = zstdCompressSync(table, {
      params: { [constants.ZSTD_c_compressionLevel]: level },
    })
    const left = ciCompressedSize - frame.length
    if (left === 0) return frame
    if (left >= SkippableHeader.size) {
      const filler = left - SkippableHeader.size
      return Buffer.concat([frame, skippableHeader(filler), Buffer.alloc(filler)])
    }
  }
  throw new Error(`the table does not fit into ${ciCompressedSize} bytes`)
}

function reseal(bytes: Buffer, blob: BlobReader, cipher?: BlobCipher): Buffer {
  if (blob.toc === undefined) return bytes
  const items = blob.toc.map((item) => {
    const { name, compressedOffset, compressedSize, uncompressedSize, compressor } = item
    const end = compressedOffset + compressedSize
    const isTable = name === SectionName.chunkTable || name === SectionName.chunkTableHeader
    const raw = bytes.subarray(compressedOffset, end)
    const stored = isTable && cipher !== undefined ? decryptPiece(raw, cipher, name) : raw
    const content =
      name === SectionName.data
        ? bytes.subarray(0, compressedSize + SECTION_HEADER_SIZE)
        : decompressPiece(stored, compressor, uncompressedSize, name)
    return { ...item, uncompressedDigest: hash('sha256', content, 'buffer') }
  })
  bytes.set(encodeToc(items), blob.section(SectionName.toc)!.offset)
  return bytes
}

/** Sets a byte to another value. */
export function flip(bytes: Uint8Array, at: number): void {
  viewOf(bytes).setUint8(at, bytes[at]! ^ 0x10)
}

/**
 * Changes the content of a chunk of a v6 image that is stored as it is, with its digest in the blob and in the bootstrap:
 * everything about it is right, but that it is not what the source has.
 */
export function otherChunk(number: number, index: number): Damage {
  return async (image) => {
    let digests: { old: Buffer; made: Buffer } | undefined
    await inBlob(
      number,
      sealed(async (bytes, blob) => {
        const { chunks } = (await blob.chunkTable())!
        const { compressedOffset, compressedSize } = chunks.at(index)!
        flip(bytes, compressedOffset)
        const content = bytes.subarray(compressedOffset, compressedOffset + compressedSize)
        const at = blob.section(SectionName.digests)!.offset + index * DIGEST_SIZE
        const old = Buffer.from(bytes.subarray(at, at + DIGEST_SIZE))
        digests = { old, made: Buffer.from(digestFunction('blake3')(content)) }
        bytes.set(digests.made, at)
      }),
    )(image)
    await inBootstrap((bytes) => replaceAll(bytes, digests!.old, digests!.made))(image)
  }
}
