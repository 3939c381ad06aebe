import { formatPlatform } from '../oci/platform.ts'
import type { ImageFacts } from '../rules/facts.ts'
import { imagesOf, type SourceImage, type SourceIndex } from './source-image.ts'

/** What conditions of rules may ask about a source: of what is left of it after the platform filter. */
export function factsOf(root: SourceImage | SourceIndex): ImageFacts {
  const images = imagesOf(root)
  const blobs = images.flatMap(({ manifest }) => [manifest.config, ...manifest.layers])
  const documents = [root.descriptor, ...images.map(({ descriptor }) => descriptor)]
  const sizes = new Map(blobs.map(({ digest, size }) => [digest, size]))
  return {
    mediaTypes: [...new Set([...documents, ...blobs].map(({ mediaType }) => mediaType))],
    platforms: [...new Set(images.map(({ platform }) => formatPlatform(platform)))],
    size: [...sizes.values()].reduce((sum, size) => sum + size, 0),
    labels: images.map(({ config }) => labelsOf(config['config'])),
  }
}

/** `config.Labels` of an image config, OCI or Docker. Source: OCI image-spec config.md, "Properties". */
function labelsOf(runConfig: unknown): Record<string, string> {
  const labels =
    typeof runConfig === 'object' && runConfig !== null && 'Labels' in runConfig
      ? runConfig.Labels
      : undefined
  if (typeof labels !== 'object' || labels === null) return {}
  return Object.fromEntries(
    Object.entries(labels).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  )
}
