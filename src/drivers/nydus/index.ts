import type { Driver, ImageConverter } from '../driver.ts'
import type { ImageContext } from '../image-step.ts'
import type { Dictionary } from './chunk-dictionary.ts'
import { LAYER_JOB, REF_JOB } from './jobs.ts'
import { parseNydusOptions, type NydusOptions } from './options.ts'

/** Raised when the same layer would give other bytes. */
const VERSION = '2'

/** Nydus: layers cut into chunks, and one bootstrap for the whole image; read lazily by nydusd, and v6 by the EROFS of the kernel. */
export const nydus: Driver = {
  name: 'nydus',
  version: VERSION,
  configure(config) {
    const options = parseNydusOptions(config)
    const { docker2oci, withReferrer, notes } = options
    const { dictionary: reference } = options
    return {
      ...converter(options, undefined),
      ...(reference === undefined
        ? {}
        : {
            async prepare(context: ImageContext) {
              const { openDictionary } = await import('./chunk-dictionary.ts')
              return converter(options, await openDictionary(reference, options, context))
            },
          }),
      docker2oci,
      withReferrer,
      notes,
      // The name of a dictionary may stand for another image by now.
      reusable:
        options.store === undefined && options.recipients.length === 0 && reference === undefined,
    }
  },
}

function converter(options: NydusOptions, dictionary: Dictionary | undefined): ImageConverter {
  const { format, prefetch, ociRef } = options
  return {
    layers: {
      key: JSON.stringify(['nydus', VERSION, format, prefetch, ociRef, dictionary?.digest]),
      module: ociRef ? REF_JOB : LAYER_JOB,
      inPlace: ociRef,
      async convertLayer(layer, context) {
        const { convertLayer } = await import('./convert-layer.ts')
        const bootstraps = dictionary?.bootstraps ?? []
        return convertLayer(layer, context, { format, prefetch, ociRef, dictionary: bootstraps })
      },
      ...(ociRef || format.encrypted
        ? {}
        : {
            async foreignProblem(path, what) {
              const { blobProblem } = await import('./accept-blob.ts')
              return blobProblem(path, what, format)
            },
          }),
    },
    async finishImage(image, layers, context) {
      const { finishImage } = await import('./finish-image.ts')
      return finishImage(image, layers, context, { ...options, dictionary })
    },
  }
}
