import { ZSTD_INSTANCE_ANNOTATION } from '../../formats/zstd-chunked/layout.ts'
import type { Driver, ManifestVariant } from '../driver.ts'
import { LAYER_JOB } from '../estargz/jobs.ts'
import { RECOMPRESS_JOB } from './jobs.ts'
import { parseZstdChunkedOptions } from './options.ts'

/** Raised when the same layer would give other bytes. */
const VERSION = '1'

/** The manifest for podman and its kind, which take it by the annotation; to all others it is the second of its platform. */
const containers: ManifestVariant = {
  name: 'containers',
  memberAnnotations: { [ZSTD_INSTANCE_ANNOTATION]: 'true' },
}

/** zstd:chunked: zstd layers with a table of contents, read in part by the stargz snapshotter and by podman, and as ordinary layers by all others. */
export const zstdChunked: Driver = {
  name: 'zstdchunked',
  version: VERSION,
  configure(config) {
    const options = parseZstdChunkedOptions(config)
    const { format, prioritized, dialect, withReferrer } = options
    return {
      layers: {
        key: JSON.stringify(['zstdchunked', VERSION, dialect, format, prioritized]),
        module: dialect === 'plain' ? RECOMPRESS_JOB : LAYER_JOB,
        async convertLayer(layer, context) {
          if (dialect === 'plain') {
            const { recompressLayer } = await import('./recompress-layer.ts')
            return recompressLayer(layer, context, format.level)
          }
          const { convertLayer } = await import('../estargz/convert-layer.ts')
          return convertLayer(layer, context, options)
        },
      },
      ...(dialect === 'both' ? { variants: [containers] } : {}),
      // Docker's media types have no zstd that all take.
      docker2oci: true,
      withReferrer,
    }
  },
}
