import type { ManifestVariant } from '../drivers/driver.ts'
import type { FinishImage, ImageLayer } from '../drivers/image-step.ts'
import type { Ingest, WorkDirectory } from '../store/work-directory.ts'

/** The image step of drivers that have none: each layer in the place of its source, and a manifest for each variant. */
export function replaceLayers(variants: readonly ManifestVariant[]): FinishImage {
  return async ({ config }, converted) => {
    const layers = converted.map(({ result, path }): ImageLayer => {
      const { descriptor, diffId } = result
      return {
        descriptor,
        diffId,
        origin: path === undefined ? { kind: 'source' } : { kind: 'file', path },
      }
    })
    const further = variants.map(({ memberAnnotations }, v) => ({
      config,
      layers: layers.map((layer, i) => ({
        ...layer,
        descriptor: converted[i]!.result.variants?.[v] ?? layer.descriptor,
      })),
      member: { annotations: memberAnnotations },
    }))
    return { manifests: [{ config, layers }, ...further], warnings: [] }
  }
}

/** The files that the steps of one conversion make besides layers. */
export interface ImageFiles {
  newFile(): string
  /** Removes them all. */
  remove(): Promise<void>
}

/** Begins with none. */
export function openImageFiles(work: WorkDirectory): ImageFiles {
  const files: Ingest[] = []
  return {
    newFile() {
      const file = work.ingest()
      files.push(file)
      return file.path
    },
    async remove() {
      await Promise.all(files.map((file) => file.remove()))
    },
  }
}
