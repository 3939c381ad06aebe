import { nearest } from '../../config/nearest.ts'
import { AccelError } from '../../errors/accel-error.ts'
import { cleanPath } from '../../formats/tar/path.ts'
import { DEFAULT_LEVEL, MAX_LEVEL, MIN_LEVEL } from '../../formats/deflate/gzip-member.ts'
import { DEFAULT_CHUNK_SIZE } from '../../formats/estargz/layout.ts'
import type { EstargzFormat } from '../../formats/estargz/write.ts'
import type { PrioritizedPath } from './prioritize.ts'

/** The options of the eStargz driver, parsed. */
export interface EstargzOptions {
  format: EstargzFormat
  docker2oci: boolean
  withReferrer: boolean
  /** What comes first, in this order. */
  prioritized: PrioritizedPath[]
}

const MIB = 1024 * 1024

/** What each key means, for messages and the documentation. */
export const estargzOptionDocs = {
  docker2oci:
    '`true` or `false`: Docker media types become OCI ones. Docker manifests know no annotations, without which nothing is pulled lazily. Default `true`.',
  compression: '`estargz`. Default `estargz`.',
  compression_level: `${MIN_LEVEL} to ${MAX_LEVEL}, on the scale of libdeflate. Default ${DEFAULT_LEVEL}, whose layers are about as small as upstream's of gzip's level 9; 5 and 6 are 2 to 3 % smaller for a fifth more time.`,
  chunk_size:
    'Bytes of a file that are fetched and verified together, 4 KiB to 32 MiB: `4194304`, `0x400000` or `4MiB`. Default 4 MiB.',
  min_chunk_size:
    'Uncompressed bytes below which neighbouring files share one gzip member, 0 to 32 MiB; makes layers of small files smaller. Needs stargz-snapshotter 0.13 to read. Default 0: each file has its own.',
  prioritized_files:
    'Paths, one a line: what a layer has of them comes first in it and is fetched when it is mounted.',
  prefetch_patterns:
    'Like `prioritized_files`, by the name that it has for `nydus`; a directory stands for all that lies in it.',
  with_referrer: '`true` or `false`: the result names its source as `subject`. Default `true`.',
} as const

type Key = keyof typeof estargzOptionDocs
const keys = Object.keys(estargzOptionDocs) as Key[]

/** Parses the driver's section of the configuration. Throws DRIVER_OPTION_INVALID. */
export function parseEstargzOptions(config: Readonly<Record<string, string>>): EstargzOptions {
  for (const key of Object.keys(config)) {
    if (keys.includes(key as Key)) continue
    const meant = nearest(key, keys)
    fail(
      key,
      `it is not known${meant === undefined ? `; there are ${keys.join(', ')}` : `; did you mean ${meant}?`}`,
    )
  }
  const read = <Value>(
    key: Key,
    parse: (text: string, key: Key) => Value,
    otherwise: Value,
  ): Value => (config[key] === undefined ? otherwise : parse(config[key].trim(), key))
  read('compression', checkCompression, undefined)
  return {
    format: {
      level: read('compression_level', levelIn, DEFAULT_LEVEL),
      chunkSize: read('chunk_size', sizeIn(4096, 32 * MIB), DEFAULT_CHUNK_SIZE),
      minChunkSize: read('min_chunk_size', sizeIn(0, 32 * MIB), 0),
    },
    docker2oci: read('docker2oci', booleanIn, true),
    withReferrer: read('with_referrer', booleanIn, true),
    prioritized: [
      ...read('prioritized_files', pathsIn(false), []),
      ...read('prefetch_patterns', pathsIn(true), []),
    ],
  }
}

function fail(key: string, problem: string): never {
  throw new AccelError('DRIVER_OPTION_INVALID', { driver: 'estargz', key, problem })
}

function checkCompression(text: string, key: Key): undefined {
  if (text === 'estargz' || text === '') return
  if (text === 'zstdchunked') {
    fail(key, 'zstdchunked is not yet available in this version; leave it out for eStargz')
  }
  fail(key, `unsupported compress format: ${text}; there is estargz`)
}

/** As Go's strconv.ParseBool, with which upstream reads them. */
function booleanIn(text: string, key: Key): boolean {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false
  return fail(key, `${JSON.stringify(text)} is neither true nor false`)
}

function levelIn(text: string, key: Key): number {
  const level = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (level >= MIN_LEVEL && level <= MAX_LEVEL) return level
  return fail(key, `${JSON.stringify(text)} is not a level from ${MIN_LEVEL} to ${MAX_LEVEL}`)
}

function sizeIn(min: number, max: number): (text: string, key: Key) => number {
  return (text, key) => {
    const [, number = '', unit = ''] = /^(0[xX][0-9a-fA-F]+|[0-9]+)\s*(KiB|MiB|)$/.exec(text) ?? []
    const size = Number(number || Number.NaN) * { KiB: 1024, MiB: MIB, '': 1 }[unit]!
    if (size >= min && size <= max) return size
    return fail(
      key,
      `${JSON.stringify(text)} is not a size from ${min} to ${max} bytes; write 4194304, 0x400000 or 4MiB`,
    )
  }
}

/** One path a line; empty lines and lines that begin with # are left out. */
function pathsIn(recursive: boolean): (text: string) => PrioritizedPath[] {
  return (text) =>
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => ({ path: cleanPath(line), recursive }))
}
