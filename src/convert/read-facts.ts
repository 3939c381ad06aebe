import type { Config } from '../config/schema.ts'
import { AccelError } from '../errors/accel-error.ts'
import type { RegistryClientComponents } from '../registry/client.ts'
import type { ImageFacts } from '../rules/facts.ts'
import { openSource } from './ends.ts'
import { factsOf } from './image-facts.ts'
import { configuredRegistry, type ConfiguredRegistryInit } from './registry-hosts.ts'
import { loadSource } from './source-image.ts'

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
