import type { PieceCodec } from '../../formats/nydus-blob/compress-pieces.ts'
import type { Recipient } from '../../formats/ocicrypt/recipient.ts'
import {
  booleanOption,
  choiceOption,
  levelOption,
  linesOption,
  readOptions,
  sizeOption,
  type FailOption,
} from '../option-reader.ts'
import type { BlobBackend } from '../../transport/image-transport.ts'
import { backendOption } from './backend-option.ts'
import type { RafsVersion } from './rafs.ts'
import { recipientsOption } from './recipients-option.ts'

/** How the layers of an image are cut and stored. */
export interface NydusFormat {
  version: RafsVersion
  codec: PieceCodec
  /** Bytes of a chunk: a power of two. */
  chunkSize: number
  /** See ChunkCut. */
  batchSize: number
  /** Chunks begin at multiples of 4096 in the uncompressed blob; in v6 they always do. */
  aligned: boolean
  /** Chunks, their table and the layers' bootstraps are encrypted. v6 alone, and without batches. */
  encrypted: boolean
}

/** The options of the driver, parsed. */
export interface NydusOptions {
  format: NydusFormat
  /** Paths that are fetched when the image is mounted, as written. */
  prefetch: string[]
  /** Reference of an image whose chunks are not stored again. */
  dictionary: string | undefined
  mergeManifest: boolean
  withReferrer: boolean
  docker2oci: boolean
  /** Layers are read where they are. */
  ociRef: boolean
  /** Where blobs are kept, if not in the registry. */
  store: BlobBackend | undefined
  /** For whom the image is encrypted; empty: it is not. */
  recipients: Recipient[]
  /** What the operator is told at the start. */
  notes: string[]
}

const DEFAULT_CHUNK_SIZE = 0x10_0000
const MIN_CHUNK_SIZE = 0x1000
const MAX_CHUNK_SIZE = 0x100_0000
/** Level of zstd that nydus-image uses. Source: nydus utils/src/compress/mod.rs (zstd_compress). */
const DEFAULT_LEVEL = 3

/** What each key means, for messages and the documentation. */
export const nydusOptionDocs = {
  fs_version:
    '`6`: read by nydusd and, where it is not compressed, by the EROFS of the kernel. `5`: read by nydusd alone. Default 6.',
  rafs_version: 'Old name of `fs_version`.',
  compressor: '`none`, `lz4_block` or `zstd`. Default `zstd`.',
  rafs_compressor: 'Old name of `compressor`.',
  compression_level: `1 to 22, of zstd alone. Default ${DEFAULT_LEVEL}, which nydus-image always uses.`,
  fs_chunk_size:
    'Bytes of a file that are fetched together: a power of two from 4 KiB to 16 MiB, `1048576`, `0x100000` or `1MiB`. Default 1 MiB.',
  batch_size:
    'Files of less than half of it are compressed together, up to so many bytes: a power of two from 4 KiB to `fs_chunk_size`, or 0. Needs `fs_version` 6. Default 0: each file has its own chunks.',
  fs_align_chunk:
    '`true` or `false`: chunks begin at multiples of 4 KiB in the uncompressed blob. With `fs_version` 6 they always do. Default `false`.',
  prefetch_patterns:
    'Paths of files and directories that are fetched when the image is mounted, one a line. An image that lacks one cannot be converted. Default `/`.',
  chunk_dict_ref:
    'Reference of a Nydus image: chunks that it has are not stored again but read from its blobs, which the result refers to. It must have the same `fs_version`, `compressor` and `fs_chunk_size`. With `backend_type` those blobs are copied there; where the dictionary keeps its own in a backend, that must be the place of this conversion.',
  merge_manifest:
    '`true` or `false`: the result is an index with the source, changed so that no runtime mixes the two up, and the Nydus image. Default `false`.',
  with_referrer:
    '`true` or `false`: the result names its source as `subject`. `converter.harbor_annotation` has the same effect. Default `false`.',
  docker2oci: '`true` or `false`: Docker media types become OCI ones. Default `false`.',
  oci_ref:
    '`true` or `false`: data stays in the layers of the source, which go with the result, and nydusd reads it there: gzip (several members, too) or plain tar. A layer in zstd, and one that nydusd could not read so, gets a Nydus blob like without this option. The rest is small: tables, and 32 KiB for each MiB or so. Implies `fs_version` 6, `fs_chunk_size` 1 MiB and `docker2oci`; not with `chunk_dict_ref`, `backend_type` and `encrypt_recipients`. Default `false`.',
  backend_type:
    '`localfs`, `s3` or `oss`: blobs are kept there, where nydusd reads them, and the registry gets the bootstrap alone. Default: everything is in the registry.',
  backend_config:
    'How `backend_type` is reached: a JSON object of texts. `localfs`: `dir`. `s3`: `bucket_name` and `region`; `endpoint` (default `s3.amazonaws.com`), `scheme` (`https`), `access_key_id` and `access_key_secret` (default: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` of the environment), `object_prefix`, `checksum_algorithm` (`CRC32`; `CRC32C`, `SHA1`, `SHA256`; empty for none). `oss`: `endpoint`, asked over TLS unless it begins with `http://`, and `bucket_name`; `access_key_id`, `access_key_secret`, `object_prefix`. See docs/backends.md.',
  backend_force_push:
    '`true` or `false`: blobs are written also where one of the right size is there already. Default `false`.',
  encrypt_recipients:
    'For whom the image is encrypted, separated by commas: `jwe:FILE`, the file of a public key (PEM, DER or JWK; RSA, or P-256, P-384, P-521). Needs `fs_version` 6 and no `batch_size`; media types become OCI ones. See docs/encryption.md.',
  builder: 'Not needed: nothing is run. Accepted as upstream has it.',
  work_dir: 'Not needed: `provider.work_dir` is used. Accepted as upstream has it.',
} as const

/** Parses the driver's section of the configuration. Throws DRIVER_OPTION_INVALID. */
export function parseNydusOptions(config: Readonly<Record<string, string>>): NydusOptions {
  const { read, fail } = readOptions('nydus', nydusOptionDocs, config)
  const aliased = (
    key: 'fs_version' | 'compressor',
  ): typeof key | (`rafs_${string}` & keyof typeof nydusOptionDocs) => {
    const old = key === 'fs_version' ? 'rafs_version' : 'rafs_compressor'
    if ((config[key] ?? '') === '') return (config[old] ?? '') === '' ? key : old
    if ((config[old] ?? config[key]) !== config[key]) {
      return fail(old, `it is the old name of ${key}, which says ${JSON.stringify(config[key])}`)
    }
    return key
  }
  const ociRef = read('oci_ref', orDefault(booleanOption, false), false)
  const asked = read(aliased('fs_version'), orDefault(versionOption, 6), 6)
  const version = ociRef ? 6 : asked
  const compressor = read(aliased('compressor'), orDefault(compressorOption, 'zstd'), 'zstd')
  const level = read('compression_level', levelOption(1, 22), DEFAULT_LEVEL)
  if (compressor !== 'zstd' && config['compression_level'] !== undefined) {
    fail('compression_level', `${compressor} has no levels, only zstd has`)
  }
  const chunkSize = read(
    'fs_chunk_size',
    orDefault(powerOption(MIN_CHUNK_SIZE, MAX_CHUNK_SIZE), DEFAULT_CHUNK_SIZE),
    DEFAULT_CHUNK_SIZE,
  )
  const batchSize = read(
    'batch_size',
    (text, say) =>
      /^(?:0[xX]0+|0*)$/.test(text) ? 0 : powerOption(MIN_CHUNK_SIZE, chunkSize)(text, say),
    0,
  )
  if (batchSize > 0 && version === 5) fail('batch_size', 'it needs fs_version 6')
  if (batchSize > 0 && chunkSize === MAX_CHUNK_SIZE) {
    fail('batch_size', 'with it fs_chunk_size can be 8 MiB at the most')
  }
  const flag = (
    key: 'merge_manifest' | 'with_referrer' | 'docker2oci' | 'fs_align_chunk',
  ): boolean => read(key, orDefault(booleanOption, false), false)
  if (ociRef && chunkSize !== DEFAULT_CHUNK_SIZE) {
    fail('fs_chunk_size', 'with oci_ref it is 1 MiB')
  }
  for (const key of ['chunk_dict_ref', 'backend_type', 'encrypt_recipients'] as const) {
    if (ociRef && (config[key] ?? '') !== '') {
      fail(key, 'with oci_ref the data stays in the layers of the source')
    }
  }
  const recipients = read('encrypt_recipients', recipientsOption, [])
  const encrypted = recipients.length > 0
  if (encrypted && version === 5) fail('encrypt_recipients', 'it needs fs_version 6')
  if (encrypted && batchSize > 0) {
    fail('batch_size', 'nydusd cannot read small batches that are encrypted')
  }
  const text = (key: 'backend_type' | 'backend_config' | 'backend_force_push'): string =>
    read(key, (written) => written, '')
  return {
    format: {
      version,
      codec: { compressor, level },
      chunkSize,
      batchSize,
      aligned: version === 6 || flag('fs_align_chunk'),
      encrypted,
    },
    prefetch: read('prefetch_patterns', prefetchOption, ['/']),
    dictionary: read('chunk_dict_ref', (text) => (text === '' ? undefined : text), undefined),
    mergeManifest: flag('merge_manifest'),
    withReferrer: flag('with_referrer'),
    // Manifests of Docker know neither references nor encrypted layers.
    docker2oci: flag('docker2oci') || ociRef || encrypted,
    ociRef,
    recipients,
    store: backendOption({
      backend_type: text('backend_type'),
      backend_config: text('backend_config'),
      backend_force_push: text('backend_force_push'),
    }),
    notes: [
      ...(encrypted && flag('merge_manifest')
        ? ['merge_manifest: the index also names the source, whose layers are not encrypted']
        : []),
      // Upstream's words.
      ...(asked === version ? [] : ['forcibly using fs version 6 when oci_ref option enabled']),
      ...(['builder', 'work_dir'] as const)
        .filter((key) => (config[key] ?? '') !== '')
        .map((key) => `converter.driver.config.${key} is not needed and not used`),
      ...(
        [
          'compressor',
          'rafs_compressor',
          'compression_level',
          'batch_size',
          'fs_align_chunk',
        ] as const
      )
        .filter((key) => ociRef && (config[key] ?? '') !== '')
        .map((key) => `with oci_ref converter.driver.config.${key} has no effect`),
    ],
  }
}

/** An empty value is none, as upstream has it. */
function orDefault<Value>(
  parse: (text: string, fail: FailOption) => Value,
  otherwise: Value,
): (text: string, fail: FailOption) => Value {
  return (text, fail) => (text === '' ? otherwise : parse(text, fail))
}

function versionOption(text: string, fail: FailOption): RafsVersion {
  return choiceOption(['6', '5'])(text, fail) === '5' ? 5 : 6
}

function compressorOption(text: string, fail: FailOption): PieceCodec['compressor'] {
  if (text === 'gzip') fail('nydusd cannot read chunks in gzip; there are none, lz4_block and zstd')
  return choiceOption(['none', 'lz4_block', 'zstd'])(text, fail)
}

/** A power of two of bytes. */
function powerOption(min: number, max: number): (text: string, fail: FailOption) => number {
  return (text, fail) => {
    const size = sizeOption(min, max)(text, fail)
    if ((size & (size - 1)) === 0) return size
    return fail(`${JSON.stringify(text)} is no power of two`)
  }
}

function prefetchOption(text: string, fail: FailOption): string[] {
  const patterns = linesOption(text)
  const relative = patterns.find((pattern) => !pattern.startsWith('/'))
  if (relative !== undefined) fail(`${JSON.stringify(relative)} does not begin with /`)
  return patterns.length === 0 ? ['/'] : patterns
}
