/** How chunks are stored, in the order of the codes in blob entries and chunk-table headers. */
export const COMPRESSORS = ['none', 'lz4_block', 'gzip', 'zstd'] as const
export type Compressor = (typeof COMPRESSORS)[number]

/** What names a chunk, in the order of the codes in blob entries. */
export const DIGESTERS = ['blake3', 'sha256'] as const
export type Digester = (typeof DIGESTERS)[number]

/** The code of a compressor in fields of 32 bits. Source: nydus utils/src/compress/mod.rs (Algorithm). */
export function compressorCode(compressor: Compressor): number {
  return COMPRESSORS.indexOf(compressor)
}

/** The code of a digester in fields of 32 bits. Source: nydus utils/src/digest.rs (Algorithm). */
export function digesterCode(digester: Digester): number {
  return DIGESTERS.indexOf(digester)
}

/** Superblock flags of both RAFS versions. Source: nydus rafs/src/metadata/mod.rs (RafsSuperFlags). */
export const SuperFlags = {
  compressionNone: 0x1,
  compressionLz4: 0x2,
  blake3: 0x4,
  sha256: 0x8,
  /** Owners are those of the inodes; without it nydusd shows its own. */
  explicitUidGid: 0x10,
  hasXattr: 0x20,
  compressionGzip: 0x40,
  compressionZstd: 0x80,
  /** v6: every blob has a chunk digest array. */
  inlinedChunkDigest: 0x100,
  /** v6: addresses are those of a raw tar; made on nodes, never in a registry. */
  tarfs: 0x200,
  /** v6: what writers without encryption set; older ones set neither. */
  encryptionNone: 0x0100_0000,
  encryptionAes128Xts: 0x0200_0000,
} as const

/** Flags that a reader accepts; the five highest bits are kept for private use. */
export const KNOWN_SUPER_FLAGS = 0xff00_03ff

const compressorFlags: readonly number[] = [
  SuperFlags.compressionNone,
  SuperFlags.compressionLz4,
  SuperFlags.compressionGzip,
  SuperFlags.compressionZstd,
]
const digesterFlags: readonly number[] = [SuperFlags.blake3, SuperFlags.sha256]

/** The superblock flags that say how chunks are compressed and named. */
export function algorithmFlags(compressor: Compressor, digester: Digester): number {
  const flags =
    (compressorFlags[compressorCode(compressor)] ?? 0) |
    (digesterFlags[digesterCode(digester)] ?? 0)
  return flags
}

/** The compressor and digester that superblock flags name, undefined where none or several are named. */
export function algorithmsOf(
  flags: number,
): { compressor: Compressor; digester: Digester } | undefined {
  const compressors = COMPRESSORS.filter((_, i) => (flags & (compressorFlags[i] ?? 0)) !== 0)
  const digesters = DIGESTERS.filter((_, i) => (flags & (digesterFlags[i] ?? 0)) !== 0)
  const [compressor, digester] = [compressors[0], digesters[0]]
  if (compressors.length !== 1 || digesters.length !== 1) return undefined
  return compressor === undefined || digester === undefined ? undefined : { compressor, digester }
}
