import type { Config } from '../config/schema.ts'
import type { ConfiguredDriver, Driver } from '../drivers/driver.ts'
import { driverNamed } from '../drivers/registry.ts'
import { parseEstargzOptions } from '../drivers/estargz/options.ts'
import type { LazyFormat } from '../drivers/estargz/layer-writer.ts'
import { parseNydusOptions, type NydusFormat } from '../drivers/nydus/options.ts'
import { parseZstdChunkedOptions } from '../drivers/zstd-chunked/options.ts'
import type { FormatName } from './format-name.ts'

/** How layers are made in one format, as data that goes to a thread. */
export type LayerMaker =
  | { kind: 'lazy'; format: LazyFormat }
  | { kind: 'nydus'; format: NydusFormat }
  /** The layer stays as it is; only tables are made. */
  | { kind: 'ref'; format: NydusFormat }

/** One format with its options. */
export interface EstimatedFormat {
  name: FormatName
  /** What clients need to pull it lazily. */
  readers: string
  /** Clients without them can pull and run it all the same, as a whole. */
  ordinary: boolean
  maker: LayerMaker
  driver: Driver
  configured: ConfiguredDriver
}

/**
 * A format with the options that `converter.driver.config` has for its driver, where that is the driver of the
 * configuration, and with the defaults else. Throws DRIVER_OPTION_INVALID.
 */
export function estimatedFormat(name: FormatName, config: Config): EstimatedFormat {
  const { type, config: written } = config.converter.driver
  const driver = driverNamed(name === 'estargz' || name === 'zstdchunked' ? name : 'nydus')
  const own = driver.name === type ? written : {}
  switch (name) {
    case 'estargz': {
      const maker: LayerMaker = { kind: 'lazy', format: parseEstargzOptions(own).format }
      const readers = 'stargz-snapshotter'
      return { name, readers, ordinary: true, maker, driver, configured: driver.configure(own) }
    }
    case 'zstdchunked': {
      // what is lazily pulled is asked for: the dialect `plain` has nothing of it
      const chunked = own['dialect'] === 'plain' ? without(own, ['dialect']) : own
      const maker: LayerMaker = { kind: 'lazy', format: parseZstdChunkedOptions(chunked).format }
      const readers = 'stargz-snapshotter, podman, CRI-O'
      return { name, readers, ordinary: true, maker, driver, configured: driver.configure(chunked) }
    }
    case 'nydus':
      return nydusFormat(name, driver, { ...without(own, OTHER_VERSION), fs_version: '6' })
    case 'nydus-v5':
      return nydusFormat(name, driver, { ...without(own, ONLY_V6), fs_version: '5' })
    case 'oci_ref':
      return nydusFormat(name, driver, { ...without(own, NOT_WITH_REF), oci_ref: 'true' })
  }
}

/** Keys that say which of the formats of the driver is meant, and those that change nothing that is estimated and need files. */
const OTHER_VERSION = ['fs_version', 'rafs_version', 'oci_ref', 'encrypt_recipients']
const ONLY_V6 = [...OTHER_VERSION, 'batch_size']
const NOT_WITH_REF = [
  ...OTHER_VERSION,
  'fs_chunk_size',
  'chunk_dict_ref',
  'backend_type',
  'backend_config',
  'backend_force_push',
]

function nydusFormat(
  name: FormatName,
  driver: Driver,
  options: Readonly<Record<string, string>>,
): EstimatedFormat {
  const { format, ociRef } = parseNydusOptions(options)
  const maker: LayerMaker = { kind: ociRef ? 'ref' : 'nydus', format }
  const readers = 'nydus-snapshotter'
  return { name, readers, ordinary: false, maker, driver, configured: driver.configure(options) }
}

function without(
  options: Readonly<Record<string, string>>,
  keys: readonly string[],
): Record<string, string> {
  return Object.fromEntries(Object.entries(options).filter(([key]) => !keys.includes(key)))
}
