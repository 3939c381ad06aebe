import { DEFAULT_LEVEL, MAX_LEVEL, MIN_LEVEL } from '../../formats/deflate/level.ts'
import { DEFAULT_CHUNK_SIZE } from '../../formats/estargz/layout.ts'
import { cleanPath } from '../../formats/tar/path.ts'
import {
  booleanOption,
  levelOption,
  linesOption,
  readOptions,
  sizeOption,
  type FailOption,
} from '../option-reader.ts'
import type { LayerOptions } from './convert-layer.ts'
import type { LazyFormat } from './layer-writer.ts'
import type { PrioritizedPath } from './prioritize.ts'

/** The options of the eStargz driver, parsed. */
export interface EstargzOptions extends LayerOptions {
  docker2oci: boolean
  withReferrer: boolean
}

const MIB = 1024 * 1024
/** Levels of zstd, whose own default is 3. */
export const ZSTD_LEVELS = { min: 1, max: 22, default: 3 }
/**
 * A zstd frame has the window of its content, which decoders need not take if it is larger than 8 MiB (RFC 8878); what
 * follows a chunk is in its frame.
 */
export const MAX_ZSTD_CHUNK = 4 * MIB

/** What each key means, for messages and the documentation. */
export const estargzOptionDocs = {
  docker2oci:
    '`true` or `false`: Docker media types become OCI ones. Docker manifests know no annotations, without which nothing is pulled lazily. Default `true`.',
  compression:
    '`estargz` or `zstdchunked`: what upstream makes under that name, zstd frames for the stargz snapshotter alone. For podman as well there is the driver `zstdchunked`. Default `estargz`.',
  compression_level: `${MIN_LEVEL} to ${MAX_LEVEL}, on the scale of libdeflate. Default ${DEFAULT_LEVEL}, whose images are as small as upstream's of gzip's level 9; 5 is 2 % smaller where a layer holds programs, for a sixth more time. For zstdchunked 1 to 22, on the scale of zstd; default 3.`,
  chunk_size:
    'Bytes of a file that are fetched and verified together, 4 KiB to 32 MiB, for `zstdchunked` to 4 MiB: `4194304`, `0x400000` or `4MiB`. Default 4 MiB.',
  min_chunk_size:
    'Uncompressed bytes below which neighbouring files share one gzip member, 0 to 32 MiB, for `zstdchunked` to 4 MiB; makes layers of small files smaller. Needs stargz-snapshotter 0.13 to read. Default 0: each file has its own.',
  prioritized_files:
    'Paths, one a line: what a layer has of them comes first in it and is fetched when it is mounted.',
  prefetch_patterns:
    'Like `prioritized_files`, by the name that it has for `nydus`; a directory stands for all that lies in it.',
  with_referrer: '`true` or `false`: the result names its source as `subject`. Default `true`.',
} as const

/** Parses the driver's section of the configuration. Throws DRIVER_OPTION_INVALID. */
export function parseEstargzOptions(config: Readonly<Record<string, string>>): EstargzOptions {
  const { read } = readOptions('estargz', estargzOptionDocs, config)
  const zstd = read('compression', isZstdChunked, false)
  const largest = zstd ? MAX_ZSTD_CHUNK : 32 * MIB
  const levels = zstd ? ZSTD_LEVELS : { min: MIN_LEVEL, max: MAX_LEVEL, default: DEFAULT_LEVEL }
  const format = {
    level: read('compression_level', levelOption(levels.min, levels.max), levels.default),
    chunkSize: read('chunk_size', sizeOption(4096, largest), DEFAULT_CHUNK_SIZE),
    minChunkSize: read('min_chunk_size', sizeOption(0, largest), 0),
  }
  const lazy: LazyFormat = zstd
    ? { kind: 'zstd-chunked', dialect: 'stargz', ...format }
    : { kind: 'estargz', ...format }
  return {
    format: lazy,
    docker2oci: read('docker2oci', booleanOption, true),
    withReferrer: read('with_referrer', booleanOption, true),
    prioritized: [
      ...read('prioritized_files', prioritizedOption(false), []),
      ...read('prefetch_patterns', prioritizedOption(true), []),
    ],
  }
}

function isZstdChunked(text: string, fail: FailOption): boolean {
  if (text === 'zstdchunked') return true
  if (text === 'estargz' || text === '') return false
  return fail(`unsupported compress format: ${text}; there are estargz and zstdchunked`)
}

/** One path a line. */
export function prioritizedOption(recursive: boolean): (text: string) => PrioritizedPath[] {
  return (text) => linesOption(text).map((line) => ({ path: cleanPath(line), recursive }))
}
