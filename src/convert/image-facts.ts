import type { Config } from '../config/schema.ts'
import { AccelError } from '../errors/accel-error.ts'
import { formatPlatform } from '../oci/platform.ts'
import type { RegistryClientComponents } from '../registry/client.ts'
import type { ImageFacts } from '../rules/facts.ts'
import { openSource } from './ends.ts'
import { configuredRegistry, type ConfiguredRegistryInit } from './registry-hosts.ts'
import { loadSource, type SourceImage, type SourceIndex, type SourceNode } from './source-image.ts'

/** What conditions of rules may ask about a source: of what is left of it after the platform filter. */
export function factsOf(root: SourceImage | SourceIndex): ImageFacts {
  const images = imagesBelow(root)
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

function imagesBelow(node: SourceNode): SourceImage[] {
  if (node.kind === 'image') return [node]
  return node.kind === 'index' ? node.members.flatMap(imagesBelow) : []
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

/**
 * What the registry says of the image `reference`, of all its platforms. Throws REFERENCE_…, REGISTRY_…, CONTENT_…,
 * IMAGE_…, also for what would not be converted.
 */
export async function readFacts(
  config: Config,
  reference: string,
  components: RegistryClientComponents,
  init: ConfiguredRegistryInit & { signal: AbortSignal },
): Promise<ImageFacts> {
  const registry = configuredRegistry(config, components, init)
  try {
    const { transport, tag, name } = await openSource(reference, registry)
    const descriptor = await transport.resolve(tag, init)
    const loaded = await loadSource(transport, descriptor, { platforms: [], signal: init.signal })
    if (loaded.root !== undefined) return factsOf(loaded.root)
    throw new AccelError('IMAGE_MANIFEST_INVALID', { what: name, problem: loaded.skipped })
  } finally {
    await registry.close()
  }
}
