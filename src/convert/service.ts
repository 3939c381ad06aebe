import type { Config } from '../config/schema.ts'
import { driverNamed } from '../drivers/registry.ts'
import { AccelError } from '../errors/accel-error.ts'
import { isLayoutLocation, openLayoutSource, openLayoutTarget } from '../layout/location.ts'
import { isDigest, type Digest } from '../oci/digest.ts'
import { parsePlatforms } from '../oci/platform.ts'
import { formatReference, parseReference, withTag, type Reference } from '../oci/reference.ts'
import type { RegistryClient, RegistryClientComponents } from '../registry/client.ts'
import { openWorkDirectory } from '../store/work-directory.ts'
import { createThreadPool } from '../threads/pool.ts'
import type { ImageSource, ImageTarget } from '../transport/image-transport.ts'
import { createConverter, type ConversionRequest, type RunInit } from './converter.ts'
import { configuredRegistry, type ConfiguredRegistryInit } from './registry-hosts.ts'
import type { ConversionReport } from './report.ts'

/** An image to convert, as a user or a registry names it. */
export interface ImageRequest {
  /** A reference, or `oci:PATH[:TAG]`, `oci-archive:PATH[:TAG]`, `docker-archive:PATH[:REFERENCE]`. */
  source: string
  /** The digest that is converted, where the caller knows it. */
  digest?: Digest
  /** Where the result goes, in the forms of `source` that can be written. @default the source's repository, its tag and `tag_suffix` */
  target?: string
}

/** Converts images as a configuration says. */
export interface ConversionService extends AsyncDisposable {
  /**
   * Converts one image and pushes the result. What needs no conversion is told by `skipped` in the report.
   * Throws REFERENCE_…, REGISTRY_…, CONTENT_…, IMAGE_…, FORMAT_…, DRIVER_…, STORE_….
   */
  convert(request: ImageRequest, init: RunInit): Promise<ConversionReport>
}

/** How the service presents itself, and what it takes from the environment. */
export type ServiceInit = ConfiguredRegistryInit

/** Longest tag. Source: OCI distribution-spec, "Pulling manifests". */
const MAX_TAG_LENGTH = 128

/** Opens work directory, threads and registry client. Throws CONFIG_…, DRIVER_…, STORE_…, IMAGE_PLATFORM_INVALID. */
export async function openConversionService(
  config: Config,
  components: RegistryClientComponents = {},
  init: ServiceInit = {},
): Promise<ConversionService> {
  const {
    driver: driverConfig,
    platforms,
    rules,
    threads,
    layers,
    harborAnnotation,
  } = config.converter
  const driver = driverNamed(driverConfig.type)
  const configured = driver.configure(driverConfig.config)
  const filter = parsePlatforms(platforms)
  const registry = configuredRegistry(config, components, init)
  const pool = createThreadPool({
    ...(threads > 0 ? { batchThreads: threads } : {}),
    ...(layers > 0 ? { layerThreads: layers } : {}),
  })
  const work = await openWorkDirectory(config.provider.workDir)
  const converter = createConverter(
    { threads: pool, work },
    {
      driver,
      configured: { ...configured, withReferrer: configured.withReferrer || harborAnnotation },
      platforms: filter,
      annotate: true,
    },
  )
  return {
    async convert(request, run) {
      const source = await openSource(request.source, registry)
      const wanted = request.target ?? derivedTarget(source, rules.tagSuffix)
      const target = await openTarget(wanted, registry)
      try {
        const openImage = imageOpener(registry, target)
        return await converter.convert(
          { ...conversionRequest(source, target, request.digest), openImage },
          run,
        )
      } finally {
        await target.close()
      }
    },
    async [Symbol.asyncDispose]() {
      await pool[Symbol.asyncDispose]()
      await registry.close()
      await work[Symbol.asyncDispose]()
    },
  }
}

/** One end of a conversion. */
interface End<Transport> {
  transport: Transport
  /** As it is named in messages and reports. */
  name: string
  tag: string | undefined
  /** Where it is in a registry. */
  reference?: Reference
  /** Takes away what was begun and not completed. */
  close(): Promise<void>
}

function conversionRequest(
  source: End<ImageSource>,
  target: End<ImageTarget>,
  pinned: Digest | undefined,
): Omit<ConversionRequest, 'openImage'> {
  const sameRegistry =
    source.reference !== undefined && source.reference.host === target.reference?.host
  const sameRepository =
    sameRegistry && source.reference?.repository === target.reference?.repository
  if (target.tag === undefined) {
    throw new AccelError('REFERENCE_INVALID', {
      text: target.name,
      problem: 'the target needs a tag',
    })
  }
  if (sameRepository && source.tag === target.tag) {
    throw new AccelError('REFERENCE_SAME_TARGET', { reference: target.name })
  }
  const digest = pinned ?? source.reference?.digest
  return {
    source: source.transport,
    sourceName: source.name,
    ...(source.tag === undefined ? {} : { sourceTag: source.tag }),
    ...(digest === undefined ? {} : { sourceDigest: digest }),
    target: target.transport,
    targetName: target.name,
    targetTag: target.tag,
    sameRepository,
    mountFrom: sameRegistry ? [source.reference!.repository] : [],
  }
}

/** Opens images that options name; their blobs can be mounted where they are in the registry of `target`. */
function imageOpener(
  registry: RegistryClient,
  target: End<unknown>,
): ConversionRequest['openImage'] {
  return async (text) => {
    const { transport, name, tag, reference } = await openSource(text, registry)
    const mountable =
      reference !== undefined &&
      reference.host === target.reference?.host &&
      reference.repository !== target.reference.repository
    return { source: transport, name, tag, mountFrom: mountable ? [reference.repository] : [] }
  }
}

async function openSource(text: string, registry: RegistryClient): Promise<End<ImageSource>> {
  if (isLayoutLocation(text)) {
    const { source, tag } = await openLayoutSource(text)
    return { transport: source, name: text, tag, async close() {} }
  }
  const parsed = parseReference(text)
  const reference = parsed.tag || parsed.digest ? parsed : withTag(parsed, 'latest')
  return {
    transport: registry.repository(reference, { side: 'source' }),
    name: formatReference(reference),
    tag: reference.tag ?? reference.digest,
    reference,
    async close() {},
  }
}

async function openTarget(text: string, registry: RegistryClient): Promise<End<ImageTarget>> {
  if (isLayoutLocation(text)) {
    const layout = await openLayoutTarget(text)
    const close = (): Promise<void> => layout[Symbol.asyncDispose]()
    return { transport: layout.target, name: text, tag: layout.tag ?? 'latest', close }
  }
  const reference = parseReference(text)
  return {
    transport: registry.repository(reference, { side: 'target' }),
    name: formatReference(reference),
    tag: reference.tag,
    reference,
    async close() {},
  }
}

/** The source's repository with its tag and the suffix of the rule. */
function derivedTarget(source: End<unknown>, suffix: string): string {
  const { reference, tag } = source
  if (!reference) {
    throw new AccelError('REFERENCE_NO_TARGET', {
      source: source.name,
      why: 'it is not in a registry',
    })
  }
  if (tag === undefined || isDigest(tag)) {
    const why = 'it is named by digest, and a tag is made from a tag'
    throw new AccelError('REFERENCE_NO_TARGET', { source: source.name, why })
  }
  if (suffix === '') {
    throw new AccelError('REFERENCE_NO_TARGET', {
      source: source.name,
      why: 'no rule has a tag_suffix',
    })
  }
  const target = `${tag}${suffix}`
  if (target.length > MAX_TAG_LENGTH) {
    const why = `the tag ${target} would be longer than ${MAX_TAG_LENGTH} characters`
    throw new AccelError('REFERENCE_NO_TARGET', { source: source.name, why })
  }
  return formatReference(withTag(reference, target))
}
