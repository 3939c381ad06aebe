import { DEFAULT_CHUNK_SIZE } from '../../formats/estargz/layout.ts'
import { LARGEST_ROLLING_CHUNK } from '../../formats/estargz/rolling-cuts.ts'
import type { Dialect } from '../../formats/zstd-chunked/write.ts'
import type { LayerOptions } from '../estargz/convert-layer.ts'
import { MAX_ZSTD_CHUNK, prioritizedOption, ZSTD_LEVELS } from '../estargz/options.ts'
import {
  booleanOption,
  choiceOption,
  levelOption,
  readOptions,
  sizeOption,
  type FailOption,
} from '../option-reader.ts'

/** The options of the zstd:chunked driver, parsed. */
export interface ZstdChunkedOptions extends LayerOptions {
  /** `plain`: compressed with zstd and nothing more; of the format only the level counts. */
  dialect: Dialect | 'plain'
  withReferrer: boolean
}

const KIB = 1024
/** Slabs are made for members of 512 bytes on average. */
const ROLLING_MINIMUM = sizeOption(512, 256 * KIB)
const DEFAULT_ROLLING_MINIMUM = KIB
const FRAME_MINIMUM = sizeOption(0, MAX_ZSTD_CHUNK)

/** What each key means, for messages and the documentation. */
export const zstdChunkedOptionDocs = {
  dialect:
    '`stargz`: for the stargz snapshotter. `containers`: for podman, buildah and CRI-O. `both`: one set of blobs and two manifests of each image in an index, of which each reader finds its own. `plain`: no more than zstd in place of gzip, pulled as a whole by all. Default `both`.',
  compression_level: '1 to 22, on the scale of zstd. Default 3, as both references.',
  chunk_size:
    'Bytes of a file that are fetched and verified together, 4 KiB to 4 MiB: `4194304`, `0x400000` or `4MiB`; or `rolling`: cut by content where podman cuts, 64 KiB on average, and runs of zeros for themselves, so that containers/storage finds parts of files again in other images. Rolling layers are larger and take more time. Default 4 MiB.',
  min_chunk_size:
    'With `chunk_size: rolling` the fewest bytes of a chunk of data, 512 to 256 KiB, default 1 KiB. Else uncompressed bytes below which neighbouring files share one frame, 0 to 4 MiB; only with the dialect `stargz`; default 0: each file has its own.',
  prioritized_files:
    'Paths, one a line: what a layer has of them comes first in it and is fetched by the stargz snapshotter when it is mounted. Layers that have some get another diffID.',
  prefetch_patterns:
    'Like `prioritized_files`, by the name that it has for `nydus`; a directory stands for all that lies in it.',
  with_referrer: '`true` or `false`: the result names its source as `subject`. Default `true`.',
} as const

function chunkSizeOption(text: string, fail: FailOption): number {
  return sizeOption(4096, MAX_ZSTD_CHUNK)(text, (problem) => fail(`${problem}, or rolling`))
}

/** Parses the driver's section of the configuration. Throws DRIVER_OPTION_INVALID. */
export function parseZstdChunkedOptions(
  config: Readonly<Record<string, string>>,
): ZstdChunkedOptions {
  const { read, fail } = readOptions('zstdchunked', zstdChunkedOptionDocs, config)
  const dialect = read('dialect', choiceOption(['stargz', 'containers', 'both', 'plain']), 'both')
  for (const key of [
    'chunk_size',
    'min_chunk_size',
    'prioritized_files',
    'prefetch_patterns',
  ] as const) {
    if (dialect === 'plain' && config[key] !== undefined) {
      fail(key, 'the dialect plain has no table of contents')
    }
  }
  const { min, max, default: level } = ZSTD_LEVELS
  const rolling = config['chunk_size']?.trim() === 'rolling'
  const smallest = read('min_chunk_size', rolling ? ROLLING_MINIMUM : FRAME_MINIMUM, undefined)
  if (smallest !== undefined && smallest > 0 && !rolling && dialect !== 'stargz') {
    fail(
      'min_chunk_size',
      'only the dialect stargz can read files that share a frame; or is chunk_size: rolling meant?',
    )
  }
  return {
    dialect,
    format: {
      kind: 'zstd-chunked',
      dialect: dialect === 'plain' ? 'stargz' : dialect,
      level: read('compression_level', levelOption(min, max), level),
      ...(rolling
        ? {
            chunkSize: LARGEST_ROLLING_CHUNK,
            minChunkSize: 0,
            rolling: { smallest: smallest ?? DEFAULT_ROLLING_MINIMUM },
          }
        : {
            chunkSize: read('chunk_size', chunkSizeOption, DEFAULT_CHUNK_SIZE),
            minChunkSize: smallest ?? 0,
          }),
    },
    withReferrer: read('with_referrer', booleanOption, true),
    prioritized: [
      ...read('prioritized_files', prioritizedOption(false), []),
      ...read('prefetch_patterns', prioritizedOption(true), []),
    ],
  }
}
