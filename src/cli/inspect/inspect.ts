import { statSync } from 'node:fs'
import type { Config } from '../../config/schema.ts'
import { configuredRegistry, type ConfiguredRegistryInit } from '../../convert/registry-hosts.ts'
import { AccelError } from '../../errors/accel-error.ts'
import { isLayoutLocation, openLayoutSource } from '../../layout/location.ts'
import type { PlatformFilter } from '../../oci/platform.ts'
import { formatReference, parseReference } from '../../oci/reference.ts'
import type { RegistryClientComponents } from '../../registry/client.ts'
import { openFileSource } from './blob-source.ts'
import type { Detail } from './bootstrap.ts'
import type { Facts } from './facts.ts'
import { inspectImage } from './image.ts'
import { inspectLayer } from './layer.ts'

/** What is looked into, and how far. */
export interface InspectRequest {
  /** A file, `oci:PATH[:TAG]` and the other forms of images on the local disk, or a reference. */
  subject: string
  detail: Detail
  layer?: number | undefined
  platforms: PlatformFilter
  signal: AbortSignal
}

/** Where references lead. */
export interface InspectInit extends ConfiguredRegistryInit {
  /** Needed for references: registries that it does not list are never contacted. */
  config?: Config | undefined
}

/**
 * Looks into a file or an image and says what is there. A file of this machine comes first, where a text could also be
 * a reference. Throws FORMAT_…, CONTENT_…, REGISTRY_…, IMAGE_…, CONFIG_ARGUMENT_MISSING, REFERENCE_INVALID.
 */
export async function inspect(
  request: InspectRequest,
  components: RegistryClientComponents,
  init: InspectInit,
): Promise<Facts> {
  const { subject, detail } = request
  if (isLayoutLocation(subject)) {
    const { source, tag } = await openLayoutSource(subject)
    const root = await source.resolve(tag, { signal: request.signal })
    return inspectImage(source, root, { ...request, name: subject })
  }
  if (isFile(subject)) {
    await using file = await openFileSource(subject)
    return await inspectLayer(file, { what: subject }, detail)
  }
  const reference = parseReference(subject)
  if (init.config === undefined)
    throw new AccelError('CONFIG_ARGUMENT_MISSING', { name: '--config' })
  const registry = configuredRegistry(init.config, components, init)
  try {
    const repository = registry.repository(reference, { side: 'source' })
    const tag = reference.digest ?? reference.tag ?? 'latest'
    const root = await repository.resolve(tag, { signal: request.signal })
    return await inspectImage(repository, root, { ...request, name: formatReference(reference) })
  } finally {
    await registry.close()
  }
}

/** What is written like a path is one, so that a file that is missing is not looked for in a registry. */
function isFile(text: string): boolean {
  return /^\.{0,2}\//.test(text) || statSync(text, { throwIfNoEntry: false })?.isFile() === true
}
