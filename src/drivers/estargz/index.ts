import type { Driver } from '../driver.ts'
import { LAYER_JOB } from './jobs.ts'
import { parseEstargzOptions } from './options.ts'

/** Raised when the same layer would give other bytes. */
const VERSION = '1'

/** eStargz: gzip layers with a table of contents, read lazily by stargz-snapshotter and as ordinary layers by all others. */
export const estargz: Driver = {
  name: 'estargz',
  version: VERSION,
  configure(config) {
    const options = parseEstargzOptions(config)
    const { format, prioritized, docker2oci, withReferrer } = options
    return {
      layers: {
        key: JSON.stringify(['estargz', VERSION, format, prioritized]),
        module: LAYER_JOB,
        async convertLayer(layer, context) {
          const { convertLayer } = await import('./convert-layer.ts')
          return convertLayer(layer, context, options)
        },
      },
      docker2oci,
      withReferrer,
    }
  },
}
