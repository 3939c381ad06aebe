/** Takes zstd:chunked layers apart and puts them together again, so that all positions and digests are right. */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { openDecoder } from '../../formats/layer-decoder.ts'
import { TOC_DIGEST_ANNOTATION } from '../../formats/estargz/layout.ts'
import { Crc64 } from '../../formats/zstd-chunked/crc64.ts'
import {
  encodeContainersFooter,
  encodeStargzFooter,
  positionText,
  skippableHeader,
  type Position,
} from '../../formats/zstd-chunked/footer.ts'
import {
  CONTAINERS_CHECKSUM_ANNOTATION,
  CONTAINERS_POSITION_ANNOTATION,
  SkippableHeader,
  STARGZ_CHECKSUM_ANNOTATION,
  STARGZ_POSITION_ANNOTATION,
  TAR_SPLIT_POSITION_ANNOTATION,
} from '../../formats/zstd-chunked/layout.ts'
import { openZstdChunked } from '../../formats/zstd-chunked/read.ts'
import type { ZstdChunkedEntry, ZstdChunkedToc } from '../../formats/zstd-chunked/toc.ts'
import { digestOf } from '../../oci/digest.ts'
import { decodeAll } from '../decode.ts'
import type { Damage } from './damage-bench.ts'
import { replaceBlob, type StoredLayer } from './stored-image.ts'

/** A record of a tar-split as it stands there. */
export interface SplitRecord {
  type: number
  name?: string
  size?: number
  payload: string | null
  position: number
}

/** What a layer consists of. */
export interface ChunkedParts {
  /** The frames of the tar. */
  data: Buffer
  toc: ZstdChunkedToc
  tarSplit: SplitRecord[] | undefined
}

/** Changes a layer and makes everything that depends on the change anew: TOC, tar-split, footer, annotations, diffID. */
export function inLayer(number: number, change: (parts: ChunkedParts) => void): Damage {
  return async ({ layers }) => {
    const layer = layers[number]!
    const { parts, dialect } = await takeApart(layer)
    change(parts)
    putTogether(layer, parts, dialect)
  }
}

/** Flips a bit in the frame of a file, whose digest is left as it is. */
export function flippedFrame(number: number, name: string): Damage {
  return async ({ layers }) => {
    const layer = layers[number]!
    const { parts } = await takeApart(layer)
    const bytes = Buffer.from(layer.bytes)
    // behind the frame's header
    bytes[row(parts, name).offset! + 12]! ^= 4
    replaceBlob(layer, bytes)
  }
}

/** The row of a file, or of anything else, by its name. */
export function row({ toc }: ChunkedParts, name: string, type?: string): ZstdChunkedEntry {
  return toc.entries.find((one) => one.name === name && (type === undefined || one.type === type))!
}

/** The record of a file in the tar-split. */
export function fileRecord({ tarSplit }: ChunkedParts, name: string): SplitRecord {
  return tarSplit!.find((one) => one.type === 1 && one.name === name)!
}

/** Changes the header of an entry in the tar-split; `change` gets the blocks of it, without what precedes them. */
export function segmentBefore(
  { tarSplit }: ChunkedParts,
  name: string,
  change: (header: Buffer) => void,
): void {
  const at = tarSplit!.findIndex((one) => one.type === 1 && one.name === name)
  const segment = tarSplit![at - 1]!
  const bytes = Buffer.from(segment.payload!, 'base64')
  change(bytes.subarray(bytes.indexOf(name)))
  segment.payload = bytes.toString('base64')
}

/** Gives a file of one chunk other content of the same size, with right digests and CRC. */
export function otherContent(parts: ChunkedParts, name: string, content: string): void {
  const { toc } = parts
  const file = row(parts, name)
  const start = file.offset!
  const later = toc.entries.filter(({ offset = 0 }) => offset > start)
  const end = later.length > 0 ? Math.min(...later.map(({ offset }) => offset!)) : parts.data.length
  const tar = zstdDecompressSync(parts.data.subarray(start, end))
  tar.write(content)
  const bytes = tar.subarray(0, file.size)
  const frame = zstdCompressSync(tar)
  parts.data = Buffer.concat([parts.data.subarray(0, start), frame, parts.data.subarray(end)])
  for (const one of toc.entries) {
    if (one.endOffset !== undefined && one.endOffset > start)
      one.endOffset += frame.length - (end - start)
  }
  for (const one of later) one.offset! += frame.length - (end - start)
  file.digest = digestOf(bytes)
  if (file.chunkDigest !== undefined) file.chunkDigest = file.digest
  if (parts.tarSplit === undefined) return
  const crc = new Crc64()
  crc.update(new Uint8Array(bytes))
  fileRecord(parts, name).payload = Buffer.from(crc.digest()).toString('base64')
}

async function takeApart(layer: StoredLayer) {
  const { bytes, descriptor } = layer
  const read = async (offset: number, length: number): Promise<Uint8Array> =>
    bytes.subarray(offset, offset + length)
  const { annotations = {} } = descriptor
  const opened = await openZstdChunked(read, { what: 'layer', size: bytes.length, annotations })
  const split = opened.positions.tarSplit
  const lines =
    split &&
    zstdDecompressSync(bytes.subarray(split.offset, split.offset + split.size))
      .toString()
      .trimEnd()
      .split('\n')
  const parts: ChunkedParts = {
    data: Buffer.from(bytes.subarray(0, opened.tocOffset)),
    toc: structuredClone(opened.toc),
    tarSplit: lines?.map((line) => JSON.parse(line) as SplitRecord),
  }
  return { parts, dialect: opened.dialect }
}

function putTogether(
  layer: StoredLayer,
  { data, toc, tarSplit }: ChunkedParts,
  dialect: 'stargz' | 'containers',
): void {
  const pieces: Uint8Array[] = [data]
  let at = data.length
  const add = (bytes: Uint8Array): { position: Position; stored: Uint8Array } => {
    const stored = zstdCompressSync(bytes)
    pieces.push(skippableHeader(stored.length), stored)
    const offset = at + SkippableHeader.size
    at = offset + stored.length
    return { position: { offset, size: stored.length, uncompressedSize: bytes.length }, stored }
  }
  const text = tarSplit?.map((record) => `${JSON.stringify(record)}\n`).join('')
  // A TOC that keeps its own says the digest of another.
  const split = text === undefined ? undefined : zstdCompressSync(text)
  if (split !== undefined && toc.tarSplitDigest !== undefined) toc.tarSplitDigest = digestOf(split)
  const json = Buffer.from(JSON.stringify(toc))
  const table = add(json)
  const splitPosition = text === undefined ? undefined : add(Buffer.from(text)).position
  pieces.push(
    dialect === 'stargz'
      ? encodeStargzFooter(table.position)
      : encodeContainersFooter(table.position, splitPosition ?? table.position),
  )
  const said: Record<string, string> = {
    [TOC_DIGEST_ANNOTATION]: digestOf(json),
    [STARGZ_CHECKSUM_ANNOTATION]: digestOf(table.stored),
    [STARGZ_POSITION_ANNOTATION]: `${positionText(table.position)}:1`,
    [CONTAINERS_CHECKSUM_ANNOTATION]: digestOf(table.stored),
    [CONTAINERS_POSITION_ANNOTATION]: `${positionText(table.position)}:1`,
    ...(splitPosition && { [TAR_SPLIT_POSITION_ANNOTATION]: positionText(splitPosition) }),
  }
  const { annotations = {} } = layer.descriptor
  const kept = Object.entries(said).filter(([key]) => key in annotations)
  layer.diffId = digestOf(decodeAll(openDecoder({ what: 'frames' }), data))
  replaceBlob(layer, Buffer.concat(pieces), Object.fromEntries(kept))
}
