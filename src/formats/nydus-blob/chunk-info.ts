import type { ChunkInfoV1, ChunkInfoV2 } from './layout.ts'

/** Where one chunk is, as the chunk table of a blob says. */
export interface ChunkInfo {
  uncompressedOffset: number
  uncompressedSize: number
  compressedOffset: number
  /** 0 for a chunk of a batch: its batch says. */
  compressedSize: number
  compressed: boolean
  /** v2 alone. */
  encrypted: boolean
  /** v2 alone. */
  crc32?: number
  /** v2 alone: which zran context it is inflated from, and where in its output. */
  zran?: { context: number; offset: number }
  /** v2 alone: which batch it is in, and where in its uncompressed bytes. */
  batch?: { batch: number; offset: number }
}

/** Largest chunk, as stored and uncompressed. */
export const MAX_CHUNK = 2 ** 24

const V2Flag = { compressed: 1, zran: 2, batch: 4, encrypted: 8, crc32: 0x10 } as const
const WORD = 2 ** 32

/**
 * Packs an entry of the first form: size - 1 in bits 44 to 63 (low 20 bits) and, of its high 4 bits, in bits 8 to 11
 * of the first word and 40 to 43 of the second; offsets in the rest.
 * Source: nydus storage/src/meta/chunk_info_v1.rs.
 */
export function packChunkInfoV1(info: ChunkInfo): ChunkInfoV1 {
  const uncompressed = checked(info.uncompressedSize, 1, MAX_CHUNK) - 1
  const compressed = checked(info.compressedSize, 1, MAX_CHUNK) - 1
  const { uncompressedOffset } = info
  if (uncompressedOffset % 4096 !== 0 || !(uncompressedOffset >= 0 && uncompressedOffset < 2 ** 44))
    throw new RangeError(`offset ${uncompressedOffset}`)
  const compressedOffset = checked(info.compressedOffset, 0, 2 ** 40 - 1)
  return {
    uncompressedLow: ((uncompressedOffset % WORD) | ((uncompressed >>> 20) << 8)) >>> 0,
    uncompressedHigh: ((uncompressed << 12) | Math.floor(uncompressedOffset / WORD)) >>> 0,
    compressedLow: compressedOffset % WORD,
    compressedHigh:
      ((compressed << 12) | ((compressed >>> 20) << 8) | Math.floor(compressedOffset / WORD)) >>> 0,
  }
}

/** The reverse of `packChunkInfoV1`: such a chunk is compressed if its sizes differ. */
export function unpackChunkInfoV1(entry: ChunkInfoV1): ChunkInfo {
  const { uncompressedLow, uncompressedHigh, compressedLow, compressedHigh } = entry
  const uncompressedSize = (((uncompressedLow & 0xf00) << 12) | (uncompressedHigh >>> 12)) + 1
  const compressedSize = (((compressedHigh & 0xf00) << 12) | (compressedHigh >>> 12)) + 1
  return {
    uncompressedOffset: (uncompressedHigh & 0xfff) * WORD + ((uncompressedLow & 0xffff_f000) >>> 0),
    uncompressedSize,
    compressedOffset: (compressedHigh & 0xff) * WORD + compressedLow,
    compressedSize,
    compressed: compressedSize !== uncompressedSize,
    encrypted: false,
  }
}

/**
 * Packs an entry of the second form. Sizes as stored are not less by 1, unlike uncompressed ones.
 * Source: nydus storage/src/meta/chunk_info_v2.rs.
 */
export function packChunkInfoV2(info: ChunkInfo): ChunkInfoV2 {
  const { zran, batch, crc32 } = info
  if (info.uncompressedOffset % 4096 !== 0)
    throw new RangeError(`offset ${info.uncompressedOffset}`)
  let flags = info.compressed ? V2Flag.compressed : 0
  if (info.encrypted) flags |= V2Flag.encrypted
  let [dataLow, dataHigh] = [0, 0]
  if (zran !== undefined) {
    flags |= V2Flag.zran
    ;[dataLow, dataHigh] = [zran.offset, zran.context]
  } else if (batch !== undefined) {
    flags |= V2Flag.batch
    ;[dataLow, dataHigh] = [batch.offset, batch.batch]
  } else if (crc32 !== undefined && crc32 !== 0) {
    // A flag with the value 0 is refused by readers.
    flags |= V2Flag.crc32
    dataLow = crc32
  }
  const compressedSize = checked(info.compressedSize, 0, MAX_CHUNK - 1)
  const compressedOffset = checked(info.compressedOffset, 0, 2 ** 40 - 1)
  return {
    block: checked(info.uncompressedOffset / 4096, 0, 2 ** 32 - 1),
    sizeAndFlags: checked(info.uncompressedSize, 1, MAX_CHUNK) - 1 + flags * MAX_CHUNK,
    offsetLow: compressedOffset % 2 ** 32,
    offsetHighAndSize: Math.floor(compressedOffset / 2 ** 32) + compressedSize * 256,
    dataLow,
    dataHigh,
  }
}

/** The reverse of `packChunkInfoV2`. */
export function unpackChunkInfoV2(entry: ChunkInfoV2): ChunkInfo {
  const { block, sizeAndFlags, offsetLow, offsetHighAndSize, dataLow, dataHigh } = entry
  const flags = sizeAndFlags >>> 24
  const info: ChunkInfo = {
    uncompressedOffset: block * 4096,
    uncompressedSize: (sizeAndFlags & 0xff_ffff) + 1,
    compressedOffset: (offsetHighAndSize & 0xff) * 2 ** 32 + offsetLow,
    compressedSize: offsetHighAndSize >>> 8,
    compressed: (flags & V2Flag.compressed) !== 0,
    encrypted: (flags & V2Flag.encrypted) !== 0,
  }
  if ((flags & V2Flag.zran) !== 0) info.zran = { context: dataHigh, offset: dataLow }
  else if ((flags & V2Flag.batch) !== 0) info.batch = { batch: dataHigh, offset: dataLow }
  else if ((flags & V2Flag.crc32) !== 0) info.crc32 = dataLow
  return info
}

function checked(value: number, min: number, max: number): number {
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new RangeError(`${value} is not within ${min} and ${max}`)
  }
  return value
}
