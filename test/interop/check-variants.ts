/** The ways in which images are converted here to be checked. */

/** `converter.driver` of a configuration. */
interface Driver {
  type: string
  config: Record<string, string>
}

/** By name; `dictionary` is the reference of an image that one may take chunks of. */
export function checkVariants(dictionary: string): Record<string, Driver> {
  const estargz = (config = {}): Driver => ({ type: 'estargz', config })
  const zstd = (config: Record<string, string>): Driver => ({ type: 'zstdchunked', config })
  const nydus = (config = {}): Driver => ({ type: 'nydus', config })
  return {
    estargz: estargz(),
    'estargz, small chunks': estargz({ chunk_size: '65536', min_chunk_size: '50000' }),
    'zstd:chunked, both': zstd({ dialect: 'both' }),
    'zstd:chunked, stargz': zstd({ dialect: 'stargz', min_chunk_size: '50000' }),
    'zstd:chunked, containers': zstd({ dialect: 'containers', chunk_size: 'rolling' }),
    'Nydus v6': nydus(),
    'v6, lz4': nydus({ compressor: 'lz4_block' }),
    'v6, none': nydus({ compressor: 'none', fs_chunk_size: '0x10000' }),
    'v6, batches': nydus({ batch_size: '0x100000' }),
    'v6, dictionary': nydus({ chunk_dict_ref: dictionary }),
    'v6, merged': nydus({ merge_manifest: 'true' }),
    'Nydus v5': nydus({ fs_version: '5' }),
    'Nydus by reference': nydus({ oci_ref: 'true' }),
  }
}

/** Every format once, for large images. */
export const mainVariants: readonly string[] = [
  'estargz',
  'zstd:chunked, both',
  'Nydus v6',
  'v6, batches',
  'Nydus v5',
  'Nydus by reference',
]

/** What comes of rough images that is not `the same`, in the words of check-bench.ts, in which variants, and why. */
export const checkOutcomes: Record<string, { variants: RegExp; outcome: string; why: string }> = {
  'rough-char-0-0': {
    variants: /estargz|zstd/,
    outcome: 'refused DRIVER_ENTRY_REFUSED',
    why: 'an overlay takes such devices for whiteouts of what lies below',
  },
}
