/** The ways in which images become Nydus images here, and by what of the result it shows that it was done. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readRafsV5 } from '../../src/formats/rafs-v5/read.ts'
import { readRafsV6, type RafsV6Bootstrap } from '../../src/formats/rafs-v6/read.ts'
import { BlobFeature, hasFeature } from '../../src/formats/nydus-blob/feature.ts'

/** What a variant may need to know. */
export interface VariantSurroundings {
  /** Where blobs go that do not go into the registry. */
  blobs: string
  /** Reference of a converted image whose chunks need not be stored again. */
  dictionary: () => Promise<string>
}

/** One way to convert. */
export interface NydusVariant {
  /** `converter.driver.config`. */
  options(surroundings: VariantSurroundings): Promise<Record<string, string>>
  /** Where nydusd gets the blobs from. @default registry */
  backend?: 'localfs'
  /** Fails where the bootstrap of an image does not show that the options were heeded. */
  check(bootstrap: string): void
}

/** By name. */
export const nydusVariants: Record<string, NydusVariant> = {
  'v6 zstd': v6({ compressor: 'zstd' }, ({ compressor }) => assert.equal(compressor, 'zstd')),
  'v6 lz4': v6({ compressor: 'lz4_block' }, ({ compressor }) =>
    assert.equal(compressor, 'lz4_block'),
  ),
  'v6 none': v6({ compressor: 'none' }, ({ compressor }) => assert.equal(compressor, 'none')),
  'v5 zstd': {
    options: async () => ({ fs_version: '5', compressor: 'zstd' }),
    check(bootstrap) {
      const { compressor } = readRafsV5(readFileSync(bootstrap), { what: bootstrap })
      assert.equal(compressor, 'zstd')
    },
  },
  'v6 batch': v6({ compressor: 'zstd', batch_size: '0x100000' }, ({ blobs }) =>
    assert.ok(blobs.every(({ features }) => hasFeature(features, BlobFeature.batch))),
  ),
  'v6 small chunks': v6({ compressor: 'zstd', fs_chunk_size: '0x10000' }, ({ extended }) =>
    assert.equal(extended.chunkSize, 0x10000),
  ),
  'v6 chunk dict': {
    ...v6({}, () => undefined),
    options: async ({ dictionary }) => ({
      fs_version: '6',
      compressor: 'zstd',
      chunk_dict_ref: await dictionary(),
    }),
  },
  oci_ref: v6({ oci_ref: 'true' }, ({ blobs }) =>
    assert.ok(blobs.every(({ features }) => hasFeature(features, BlobFeature.zran))),
  ),
  localfs: {
    ...v6({}, () => undefined),
    options: async ({ blobs }) => ({
      fs_version: '6',
      compressor: 'zstd',
      backend_type: 'localfs',
      backend_config: JSON.stringify({ dir: blobs }),
    }),
    backend: 'localfs',
  },
}

/** A variant of RAFS v6. */
function v6(
  options: Record<string, string>,
  check: (bootstrap: RafsV6Bootstrap) => void,
): NydusVariant {
  return {
    options: async () => ({ fs_version: '6', ...options }),
    check: (path) => check(readRafsV6(readFileSync(path), { what: path })),
  }
}
