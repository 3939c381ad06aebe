import type { Driver } from '../driver.ts'
import { convertLayer } from './convert-layer.ts'
import { finishImage } from './finish-image.ts'
import { parseNydusOptions } from './options.ts'

/** Raised when the same layer would give other bytes. */
const VERSION = '1'

/** Nydus: layers cut into chunks, and one bootstrap for the whole image; read lazily by nydusd, and v6 by the EROFS of the kernel. */
export const nydus: Driver = {
  name: 'nydus',
  version: VERSION,
  configure(config) {
    const options = parseNydusOptions(config)
    const { format, prefetch, docker2oci, withReferrer, notes } = options
    return {
      layers: {
        key: JSON.stringify(['nydus', VERSION, format, prefetch]),
        convertLayer: (layer, context) => convertLayer(layer, context, options),
      },
      finishImage: (image, layers, context) => finishImage(image, layers, context, options),
      docker2oci,
      withReferrer,
      notes,
    }
  },
}
