import { AccelError } from '../errors/accel-error.ts'
import { isLayoutLocation, openLayoutSource, openLayoutTarget } from '../layout/location.ts'
import { isDigest, type Digest } from '../oci/digest.ts'
import { formatReference, parseReference, withTag, type Reference } from '../oci/reference.ts'
import type { RegistryClient } from '../registry/client.ts'
import type { ImageSource, ImageTarget, RangedSource } from '../transport/image-transport.ts'
import type { ConversionRequest } from './converter.ts'

/** One end of a conversion. */
export interface End<Transport> {
  transport: Transport
  /** As it is named in messages and reports. */
  name: string
  tag: string | undefined
  /** Where it is in a registry. */
  reference?: Reference
  /** Takes away what was begun and not completed. */
  close(): Promise<void>
  /** A target, where it can be read as well. */
  asSource?: ImageSource
}

/** Longest tag. Source: OCI distribution-spec, "Pulling manifests". */
const MAX_TAG_LENGTH = 128

/** The conversion from `source` to `target`. Throws REFERENCE_INVALID, REFERENCE_SAME_TARGET. */
export function conversionRequest(
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
    ...(target.asSource === undefined ? {} : { targetAsSource: target.asSource }),
    ...(target.reference === undefined
      ? {}
      : { place: { host: target.reference.host, repository: target.reference.repository } }),
    sameRepository,
    mountFrom: sameRegistry ? [source.reference!.repository] : [],
  }
}

/** The image that `text` names. Throws REFERENCE_INVALID, REGISTRY_HOST_NOT_CONFIGURED, LAYOUT_…. */
export async function openSource(
  text: string,
  registry: RegistryClient,
): Promise<End<RangedSource>> {
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

/** Where a result goes. Throws REFERENCE_INVALID, REGISTRY_HOST_NOT_CONFIGURED, LAYOUT_…. */
export async function openTarget(
  text: string,
  registry: RegistryClient,
): Promise<End<ImageTarget>> {
  if (isLayoutLocation(text)) {
    const layout = await openLayoutTarget(text)
    const close = (): Promise<void> => layout[Symbol.asyncDispose]()
    return { transport: layout.target, name: text, tag: layout.tag ?? 'latest', close }
  }
  const reference = parseReference(text)
  const repository = registry.repository(reference, { side: 'target' })
  return {
    transport: repository,
    asSource: repository,
    name: formatReference(reference),
    tag: reference.tag,
    reference,
    async close() {},
  }
}

/** Opens images that options name; their blobs can be mounted where they are in the registry of `target`. */
export function imageOpener(
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

/** The source's repository with its tag and the suffix of the rule. Throws REFERENCE_NO_TARGET. */
export function derivedTarget(source: End<unknown>, suffix: string): string {
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
  const target = `${tag}${suffix}`
  if (target.length > MAX_TAG_LENGTH) {
    const why = `the tag ${target} would be longer than ${MAX_TAG_LENGTH} characters`
    throw new AccelError('REFERENCE_NO_TARGET', { source: source.name, why })
  }
  return formatReference(withTag(reference, target))
}
