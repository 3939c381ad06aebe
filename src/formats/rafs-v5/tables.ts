import { AccelError } from '../../errors/accel-error.ts'
import { RecordReader } from '../../bytes/record-reader.ts'
import { algorithmsOf, type Compressor, type Digester } from '../nydus-blob/algorithm.ts'
import { featureProblem } from '../nydus-blob/feature.ts'
import { formatFailure } from '../nydus-tree/format-failure.ts'
import {
  ALIGNMENT,
  MAX_BOOTSTRAP_SIZE,
  MAX_CHUNK_SIZE,
  MIN_CHUNK_SIZE,
  RAFS_V5_MAGIC,
  RAFS_V5_SUPERBLOCK_SIZE,
  RAFS_V5_VERSION,
  type RafsV5Blob,
  RafsV5ExtendedBlob,
  RafsV5Superblock,
} from './layout.ts'

/** Superblock flags that v5 knows: all but digests in blobs, tarfs and encryption. Source: rafs/src/metadata/mod.rs. */
const KNOWN_FLAGS = 0xff

/** Blobs of one image: as in v6. */
const MAX_BLOBS = 254

/** Everything of a bootstrap but its inodes. */
export interface RafsV5Tables {
  reader: RecordReader
  superblock: RafsV5Superblock
  compressor: Compressor
  digester: Digester
  blobs: RafsV5Blob[]
  /** Inode numbers, in stored order. */
  prefetch: number[]
}

/**
 * Reads the superblock and the tables and holds them to what nydusd checks.
 * Source: nydus rafs/src/metadata/layout/v5.rs (validate). Throws FORMAT_TRUNCATED, FORMAT_INVALID, FORMAT_LIMIT_EXCEEDED.
 */
export function readTables(bytes: Uint8Array, what: string): RafsV5Tables {
  const reader = new RecordReader(bytes, formatFailure(what, 'RAFS v5 bootstrap'))
  const limit = (name: string, value: number, max: number): AccelError =>
    new AccelError('FORMAT_LIMIT_EXCEEDED', {
      what,
      format: 'RAFS v5 bootstrap',
      limit: name,
      value,
      max,
    })
  if (bytes.length > MAX_BOOTSTRAP_SIZE) throw limit('bytes', bytes.length, MAX_BOOTSTRAP_SIZE)
  const superblock = reader.record(RafsV5Superblock, 0)
  const algorithms = checkSuperblock(reader, superblock)
  const ranges: { name: string; start: number; end: number }[] = []
  const claim = (name: string, start: number, size: number): void => {
    if (size === 0) return
    if (start < RAFS_V5_SUPERBLOCK_SIZE || start % ALIGNMENT !== 0) {
      throw reader.invalid(start, `a ${name} at ${start}`)
    }
    reader.require(start, size, name)
    const other = ranges.find((range) => start < range.end && range.start < start + size)
    if (other !== undefined) throw reader.invalid(start, `the ${name} overlaps the ${other.name}`)
    ranges.push({ name, start, end: start + size })
  }
  claim('inode table', superblock.inodeTableOffset, superblock.inodeTableEntries * 4)
  claim('prefetch table', superblock.prefetchTableOffset, superblock.prefetchTableEntries * 4)
  claim('blob table', superblock.blobTableOffset, superblock.blobTableSize)
  const { extendedBlobTableEntries: extended } = superblock
  claim(
    'extended blob table',
    superblock.extendedBlobTableOffset,
    extended * RafsV5ExtendedBlob.size,
  )

  const ids = readBlobTable(reader, superblock)
  if (ids.length > MAX_BLOBS) throw limit('a number of blobs', ids.length, MAX_BLOBS)
  if (ids.length !== extended) {
    throw reader.invalid(
      superblock.blobTableOffset,
      `${ids.length} blobs, ${extended} of them described`,
    )
  }
  const blobs = ids.map((id, i) => {
    const at = superblock.extendedBlobTableOffset + i * RafsV5ExtendedBlob.size
    const record = reader.record(RafsV5ExtendedBlob, at)
    const problem = featureProblem(record.features)
    if (problem !== undefined) throw reader.invalid(at, `blob ${i}: ${problem}`)
    return { ...id, ...record }
  })
  const prefetch = Array.from({ length: superblock.prefetchTableEntries }, (_, i) =>
    reader.u32(superblock.prefetchTableOffset + i * 4, 'prefetch table'),
  )
  return { reader, superblock, ...algorithms, blobs, prefetch }
}

function checkSuperblock(
  reader: RecordReader,
  superblock: RafsV5Superblock,
): { compressor: Compressor; digester: Digester } {
  const invalid = (field: keyof typeof RafsV5Superblock.rows, problem: string): Error =>
    reader.invalid(RafsV5Superblock.offsetOf(field), problem)
  const { magic, version, size, chunkSize, flagsLow, flagsHigh } = superblock
  if (magic !== RAFS_V5_MAGIC) throw invalid('magic', `magic ${magic.toString(16)}`)
  if (version !== RAFS_V5_VERSION) throw invalid('version', `version 0x${version.toString(16)}`)
  if (size !== RAFS_V5_SUPERBLOCK_SIZE) throw invalid('size', `a superblock of ${size} bytes`)
  if (reader.size % ALIGNMENT !== 0) throw reader.invalid(reader.size, `a size of ${reader.size}`)
  const powerOfTwo = (chunkSize & (chunkSize - 1)) === 0
  if (chunkSize < MIN_CHUNK_SIZE || chunkSize > MAX_CHUNK_SIZE || !powerOfTwo) {
    throw invalid('chunkSize', `a chunk size of ${chunkSize}`)
  }
  const algorithms = algorithmsOf(flagsLow)
  if (flagsHigh !== 0 || (flagsLow & ~KNOWN_FLAGS) !== 0 || algorithms === undefined) {
    throw invalid('flagsLow', `flags 0x${flagsLow.toString(16)}`)
  }
  if (superblock.inodesCount > superblock.inodeTableEntries) {
    throw invalid('inodesCount', `${superblock.inodesCount} inodes and fewer names`)
  }
  if (superblock.inodeTableEntries === 0) throw invalid('inodeTableEntries', 'no inodes')
  return algorithms
}

/** Entries of 8 bytes and an id, one NUL between them, NULs up to the end. */
function readBlobTable(
  reader: RecordReader,
  { blobTableOffset, blobTableSize }: RafsV5Superblock,
): { blobId: string; prefetchOffset: number; prefetchSize: number }[] {
  const end = blobTableOffset + blobTableSize
  const blobs: { blobId: string; prefetchOffset: number; prefetchSize: number }[] = []
  for (let at = blobTableOffset; end - at > 8;) {
    const prefetchOffset = reader.u32(at, 'blob table')
    const prefetchSize = reader.u32(at + 4, 'blob table')
    const rest = reader.slice(at + 8, end - at - 8, 'blob table')
    const nul = rest.indexOf(0)
    const id = nul === -1 ? rest : rest.subarray(0, nul)
    if (id.length === 0) throw reader.invalid(at, 'a blob without id')
    blobs.push({ blobId: Buffer.from(id).toString('latin1'), prefetchOffset, prefetchSize })
    at += 8 + id.length + 1
  }
  return blobs
}
