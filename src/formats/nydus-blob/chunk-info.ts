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

const V2Flag = { compressed: 1n, zran: 2n, batch: 4n, encrypted: 8n, crc32: 0x10n } as const
const MASK_20 = 0xf_ffffn
const MASK_24 = 0xff_ffffn
const MASK_40 = 0xff_ffff_ffffn
/** Bits 12 to 43: the uncompressed offset stands where it is, a multiple of 4096. */
const V1_OFFSET = 0xfff_ffff_f000n

/**
 * Packs an entry of the first form: size - 1 in bits 44 to 63 (low 20 bits) and, of its high 4 bits, in bits 8 to 11
 * of the first word and 40 to 43 of the second; offsets in the rest.
 * Source: nydus storage/src/meta/chunk_info_v1.rs.
 */
export function packChunkInfoV1(info: ChunkInfo): ChunkInfoV1 {
  const uncompressed = BigInt(checked(info.uncompressedSize, 1, MAX_CHUNK) - 1)
  const compressed = BigInt(checked(info.compressedSize, 1, MAX_CHUNK) - 1)
  const uncompressedOffset = BigInt(info.uncompressedOffset)
  if ((uncompressedOffset & ~V1_OFFSET) !== 0n) throw new RangeError(`offset ${uncompressedOffset}`)
  checked(info.compressedOffset, 0, 2 ** 40 - 1)
  return {
    uncompressed:
      ((uncompressed & MASK_20) << 44n) | uncompressedOffset | ((uncompressed >> 20n) << 8n),
    compressed:
      ((compressed & MASK_20) << 44n) |
      ((compressed >> 20n) << 40n) |
      BigInt(info.compressedOffset),
  }
}

/** The reverse of `packChunkInfoV1`: such a chunk is compressed if its sizes differ. */
export function unpackChunkInfoV1({ uncompressed, compressed }: ChunkInfoV1): ChunkInfo {
  const uncompressedSize =
    Number((((uncompressed >> 8n) & 0xfn) << 20n) | (uncompressed >> 44n)) + 1
  const compressedSize = Number((((compressed >> 40n) & 0xfn) << 20n) | (compressed >> 44n)) + 1
  return {
    uncompressedOffset: Number(uncompressed & V1_OFFSET),
    uncompressedSize,
    compressedOffset: Number(compressed & MASK_40),
    compressedSize,
    compressed: compressedSize !== uncompressedSize,
    encrypted: false,
  }
}

/**
 * Packs an entry of the second form: flags in bits 56 to 63, size - 1 in 32 to 55, offset / 4096 in 0 to 31; stored
 * size (as it is) in 40 to 63, stored offset in 0 to 39; CRC, or index and offset of context or batch.
 * Source: nydus storage/src/meta/chunk_info_v2.rs.
 */
export function packChunkInfoV2(info: ChunkInfo): ChunkInfoV2 {
  const { zran, batch, crc32 } = info
  if (info.uncompressedOffset % 4096 !== 0)
    throw new RangeError(`offset ${info.uncompressedOffset}`)
  const block = BigInt(checked(info.uncompressedOffset / 4096, 0, 2 ** 32 - 1))
  const uncompressed = BigInt(checked(info.uncompressedSize, 1, MAX_CHUNK) - 1)
  const compressed = BigInt(checked(info.compressedSize, 0, MAX_CHUNK - 1))
  checked(info.compressedOffset, 0, 2 ** 40 - 1)
  let flags = info.compressed ? V2Flag.compressed : 0n
  if (info.encrypted) flags |= V2Flag.encrypted
  let data = 0n
  if (zran !== undefined) {
    flags |= V2Flag.zran
    data = (BigInt(zran.context) << 32n) | BigInt(zran.offset)
  } else if (batch !== undefined) {
    flags |= V2Flag.batch
    data = (BigInt(batch.batch) << 32n) | BigInt(batch.offset)
  } else if (crc32 !== undefined && crc32 !== 0) {
    // A flag with the value 0 is refused by readers.
    flags |= V2Flag.crc32
    data = BigInt(crc32)
  }
  return {
    uncompressed: (flags << 56n) | (uncompressed << 32n) | block,
    compressed: (compressed << 40n) | BigInt(info.compressedOffset),
    data,
  }
}

/** The reverse of `packChunkInfoV2`. */
export function unpackChunkInfoV2({ uncompressed, compressed, data }: ChunkInfoV2): ChunkInfo {
  const flags = uncompressed >> 56n
  const info: ChunkInfo = {
    uncompressedOffset: Number(uncompressed & 0xffff_ffffn) * 4096,
    uncompressedSize: Number((uncompressed >> 32n) & MASK_24) + 1,
    compressedOffset: Number(compressed & MASK_40),
    compressedSize: Number(compressed >> 40n),
    compressed: (flags & V2Flag.compressed) !== 0n,
    encrypted: (flags & V2Flag.encrypted) !== 0n,
  }
  const [high, low] = [Number(data >> 32n), Number(data & 0xffff_ffffn)]
  if ((flags & V2Flag.zran) !== 0n) info.zran = { context: high, offset: low }
  else if ((flags & V2Flag.batch) !== 0n) info.batch = { batch: high, offset: low }
  else if ((flags & V2Flag.crc32) !== 0n) info.crc32 = low
  return info
}

function checked(value: number, min: number, max: number): number {
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new RangeError(`${value} is not within ${min} and ${max}`)
  }
  return value
}
