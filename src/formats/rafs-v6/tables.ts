import { AccelError } from '../../errors/accel-error.ts'
import { ErofsImage } from '../erofs/image.ts'
import { ErofsDeviceSlot, ErofsSuperblock, SUPERBLOCK_OFFSET } from '../erofs/layout.ts'
import {
  algorithmsOf,
  type Compressor,
  COMPRESSORS,
  type Digester,
  DIGESTERS,
  KNOWN_SUPER_FLAGS,
  SuperFlags,
} from '../nydus-blob/algorithm.ts'
import { BlobFeature, featureProblem, hasFeature } from '../nydus-blob/feature.ts'
import { ChunkInfoV1, ChunkInfoV2, ChunkRecord } from '../nydus-blob/layout.ts'
import { MAX_BLOBS, MAX_CHUNKS_PER_BLOB } from '../nydus-tree/chunk-store.ts'
import {
  BLOCK_SIZE,
  DEVICE_TABLE_OFFSET,
  EXTENDED_SUPERBLOCK_OFFSET,
  FEATURE_COMPAT_RAFS_V6,
  FEATURE_INCOMPAT_RAFS_V6,
  MAX_CHUNK_SIZE,
  MAX_COMPRESSED_BLOB,
  MAX_UNCOMPRESSED_BLOB,
  MIN_BOOTSTRAP_SIZE,
  MIN_CHUNK_SIZE,
  RafsV6Blob,
  RafsV6SuperblockExt,
} from './layout.ts'

/** Everything of a bootstrap but its tree. */
export interface RafsV6Tables {
  image: ErofsImage
  superblock: ErofsSuperblock
  extended: RafsV6SuperblockExt
  compressor: Compressor
  digester: Digester
  devices: readonly ErofsDeviceSlot[]
  blobs: RafsV6Blob[]
  /** Nids, in stored order. */
  prefetch: number[]
  chunkRecords: number
}

interface Range {
  name: string
  start: number
  end: number
}

/**
 * Reads superblocks and tables and holds them to what nydusd checks when it loads a bootstrap.
 * Source: nydus rafs/src/metadata/layout/v6.rs (validate). Throws FORMAT_TRUNCATED, FORMAT_INVALID, FORMAT_LIMIT_EXCEEDED.
 */
export function readTables(bytes: Uint8Array, what: string): RafsV6Tables {
  const image = new ErofsImage(bytes, what, 'RAFS v6 bootstrap')
  const { reader, superblock, devices } = image
  if (bytes.length < MIN_BOOTSTRAP_SIZE || bytes.length % BLOCK_SIZE !== 0) {
    throw reader.invalid(bytes.length, `a size of ${bytes.length} bytes`)
  }
  checkSuperblock(image)
  const extended = reader.record(RafsV6SuperblockExt, EXTENDED_SUPERBLOCK_OFFSET)
  const algorithms = checkExtended(image, extended)

  const devicesEnd = DEVICE_TABLE_OFFSET + devices.length * ErofsDeviceSlot.size
  const ranges: Range[] = [{ name: 'device table', start: 0, end: devicesEnd }]
  const claim = (
    name: string,
    start: number,
    size: number,
    unit: number,
    align: number,
  ): number => {
    if (size % unit !== 0 || start % align !== 0) {
      throw reader.invalid(start, `a ${name} of ${size} bytes at ${start}`)
    }
    reader.require(start, size, name)
    const range = { name, start, end: start + size }
    const other = ranges.find((r) => size > 0 && range.start < r.end && r.start < range.end)
    if (other !== undefined) throw reader.invalid(start, `the ${name} overlaps the ${other.name}`)
    ranges.push(range)
    return size / unit
  }
  const blobCount = claim(
    'blob table',
    extended.blobTableOffset,
    extended.blobTableSize,
    RafsV6Blob.size,
    BLOCK_SIZE,
  )
  if (extended.blobTableOffset < BLOCK_SIZE) {
    throw reader.invalid(extended.blobTableOffset, 'the blob table is in the first block')
  }
  if (blobCount > MAX_BLOBS) throw limit(what, 'a number of blobs', blobCount, MAX_BLOBS)
  if (blobCount !== devices.length) {
    throw reader.invalid(
      extended.blobTableOffset,
      `${blobCount} blobs and ${devices.length} devices`,
    )
  }
  const blobs = Array.from({ length: blobCount }, (_, i) => {
    const at = extended.blobTableOffset + i * RafsV6Blob.size
    const blob = reader.record(RafsV6Blob, at)
    const problem = blobProblem(blob, i, extended)
    if (problem !== undefined) throw reader.invalid(at, `blob ${i}: ${problem}`)
    return blob
  })
  checkDevices(image)
  const chunkRecords =
    extended.chunkTableSize === 0
      ? 0
      : claim(
          'chunk table',
          extended.chunkTableOffset,
          extended.chunkTableSize,
          ChunkRecord.size,
          BLOCK_SIZE,
        )
  const prefetch: number[] = []
  // Old writers state a size and no offset for a tree without blobs.
  if (extended.prefetchTableSize > 0 && extended.prefetchTableOffset !== 0) {
    const start = extended.prefetchTableOffset
    const count = claim('prefetch table', start, extended.prefetchTableSize, 4, 8)
    for (let i = 0; i < count; i++) {
      const nid = reader.u32(start + i * 4, 'prefetch table')
      if (nid === 0) break
      prefetch.push(nid)
    }
  }
  return { image, superblock, extended, ...algorithms, devices, blobs, prefetch, chunkRecords }
}

function checkSuperblock({ reader, superblock }: ErofsImage): void {
  const require = (holds: boolean, field: keyof typeof ErofsSuperblock.rows): void => {
    if (holds) return
    const value = (superblock as unknown as Record<string, unknown>)[field]
    throw reader.invalid(
      SUPERBLOCK_OFFSET + ErofsSuperblock.offsetOf(field),
      `${field} is ${String(value)}`,
    )
  }
  require(superblock.checksum === 0, 'checksum')
  require(superblock.blkszbits === 12, 'blkszbits')
  require(superblock.sbExtslots === 0, 'sbExtslots')
  require(superblock.inos !== 0, 'inos')
  require(superblock.compression === 0, 'compression')
  require(superblock.xattrBlkaddr === 0, 'xattrBlkaddr')
  require(superblock.metaBlkaddr * BLOCK_SIZE <= reader.size, 'metaBlkaddr')
  require(superblock.devtSlotoff * ErofsDeviceSlot.size === DEVICE_TABLE_OFFSET, 'devtSlotoff')
  require(superblock.featureIncompat === FEATURE_INCOMPAT_RAFS_V6, 'featureIncompat')
  require((superblock.featureCompat & FEATURE_COMPAT_RAFS_V6) !== 0, 'featureCompat')
  // 4096 whatever the blobs is what writers of early 2022 stored.
  require(superblock.extraDevices > 0 ||
    superblock.blocks === 0 ||
    superblock.blocks === 4096, 'blocks')
}

function checkExtended(
  { reader }: ErofsImage,
  extended: RafsV6SuperblockExt,
): { compressor: Compressor; digester: Digester } {
  const at = EXTENDED_SUPERBLOCK_OFFSET
  const { flagsLow, flagsHigh, chunkSize } = extended
  if (flagsHigh !== 0 || (flagsLow & ~KNOWN_SUPER_FLAGS) !== 0) {
    throw reader.invalid(
      at,
      `flags 0x${flagsHigh.toString(16)}${flagsLow.toString(16).padStart(8, '0')}`,
    )
  }
  if ((flagsLow & SuperFlags.tarfs) !== 0)
    throw reader.invalid(at, 'tarfs mode, which no registry holds')
  const algorithms = algorithmsOf(flagsLow)
  if (algorithms === undefined) {
    throw reader.invalid(
      at,
      `flags 0x${flagsLow.toString(16)} name no, or several, compressors or digests`,
    )
  }
  const powerOfTwo = (chunkSize & (chunkSize - 1)) === 0
  if (chunkSize < MIN_CHUNK_SIZE || chunkSize > MAX_CHUNK_SIZE || !powerOfTwo) {
    throw reader.invalid(
      at + RafsV6SuperblockExt.offsetOf('chunkSize'),
      `a chunk size of ${chunkSize}`,
    )
  }
  return algorithms
}

/** Why nydusd would refuse a blob entry, or undefined. */
function blobProblem(
  blob: RafsV6Blob,
  position: number,
  extended: RafsV6SuperblockExt,
): string | undefined {
  if (blob.blobId.length === 0) return 'no id'
  if (blob.blobIndex !== position) return `states position ${blob.blobIndex}`
  if (blob.chunkSize !== extended.chunkSize) return `a chunk size of ${blob.chunkSize}`
  if (blob.chunkCount === 0 || blob.chunkCount > MAX_CHUNKS_PER_BLOB + 1)
    return `${blob.chunkCount} chunks`
  if (COMPRESSORS[blob.compressor] === undefined || COMPRESSORS[blob.ciCompressor] === undefined) {
    return 'an unknown compressor'
  }
  if (DIGESTERS[blob.digester] === undefined) return 'an unknown digest'
  if (blob.cipher > 1) return 'an unknown cipher'
  if (blob.compressedSize > MAX_COMPRESSED_BLOB) return `${blob.compressedSize} bytes`
  if (blob.uncompressedSize > MAX_UNCOMPRESSED_BLOB)
    return `${blob.uncompressedSize} bytes uncompressed`
  const problem = featureProblem(blob.features)
  if (problem !== undefined) return problem
  if (!hasFeature(blob.features, BlobFeature.aligned)) return 'chunks that are not aligned'
  if (blob.ciCompressedSize > blob.ciUncompressedSize)
    return 'a chunk table that grew when compressed'
  const { batch, zran, encrypted, chunkInfoV2 } = BlobFeature
  const v2 = hasFeature(blob.features, chunkInfoV2)
  const open = (blob.features & (batch | zran | encrypted)) !== 0
  if (open && !v2) return 'batch, zran or encryption with entries of 16 bytes'
  const entries = blob.chunkCount * (v2 ? ChunkInfoV2.size : ChunkInfoV1.size)
  const fits = open ? blob.ciUncompressedSize >= entries : blob.ciUncompressedSize === entries
  return fits
    ? undefined
    : `a chunk table of ${blob.ciUncompressedSize} bytes for ${blob.chunkCount} chunks`
}

function checkDevices({ reader, devices }: ErofsImage): void {
  const tags = new Set<string>()
  devices.forEach(({ tag, blocks }, i) => {
    const at = DEVICE_TABLE_OFFSET + i * ErofsDeviceSlot.size
    if (blocks === 0) throw reader.invalid(at, 'a device without blocks')
    if (tags.has(tag)) throw reader.invalid(at, `a second device ${tag}`)
    tags.add(tag)
  })
}

function limit(what: string, name: string, value: number, max: number): AccelError {
  return new AccelError('FORMAT_LIMIT_EXCEEDED', {
    what,
    format: 'RAFS v6 bootstrap',
    limit: name,
    value,
    max,
  })
}
