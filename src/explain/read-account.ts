import type { Config } from '../config/schema.ts'
import { factsOf } from '../convert/image-facts.ts'
import { configuredRegistry, type ConfiguredRegistryInit } from '../convert/registry-hosts.ts'
import { loadSource } from '../convert/source-image.ts'
import { isAccelError } from '../errors/accel-error.ts'
import { explainPush } from '../http/webhook/explain-push.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { parsePlatforms } from '../oci/platform.ts'
import { formatReference, parseReference, withTag, type Reference } from '../oci/reference.ts'
import type { RegistryClientComponents } from '../registry/client.ts'
import type { ImageFacts } from '../rules/facts.ts'
import type { ImageSource } from '../transport/image-transport.ts'
import { isConverted, type ImageAccount } from './account.ts'
import { readImage, type ReadImage } from './read-image.ts'
import { readSource, readVariants, type Surroundings } from './read-relatives.ts'

/** What is asked about, and where it is looked for. */
export interface AccountInit {
  config: Config
  registry: ConfiguredRegistryInit
  signal: AbortSignal
}

/**
 * Finds out about the image `text` in its registry: documents are read, of layers a few bytes of one. Throws
 * REFERENCE_INVALID, REGISTRY_…, CONTENT_…, IMAGE_….
 */
export async function readAccount(
  text: string,
  components: RegistryClientComponents,
  { config, registry: registryInit, signal }: AccountInit,
): Promise<ImageAccount> {
  const parsed = parseReference(text)
  const reference = parsed.tag || parsed.digest ? parsed : withTag(parsed, 'latest')
  const registry = configuredRegistry(config, components, registryInit)
  try {
    const at = registry.repository(reference)
    const probe = registry.probe(reference)
    const root = await at.resolve(reference.digest ?? reference.tag, { signal })
    const name = formatReference(reference)
    const image = await readImage(at, root, name, signal)
    const around: Surroundings = { at, probe, rules: config.converter.rules, signal }
    return {
      name,
      host: reference.host,
      repository: at.name,
      digest: root.digest,
      ...image,
      ...(await relatives(around, root, image, reference)),
      ...(await rangeOf(around, image)),
      ...(isConverted(image) ? { rules: [] } : await judged(config, at, root, reference, signal)),
    }
  } finally {
    await registry.close()
  }
}

async function relatives(
  around: Surroundings,
  root: Descriptor,
  image: ReadImage,
  { tag }: Reference,
): Promise<Pick<ImageAccount, 'source' | 'variants' | 'attached' | 'referrersBy'>> {
  if (!isConverted(image)) return readVariants(around, root.digest, image, tag)
  const { list, by } = await around.probe.referrers(root.digest, { signal: around.signal })
  const common = { variants: [], attached: list.length, referrersBy: by }
  const digest = image.made?.source
  if (digest === undefined) return common
  return { ...common, source: await readSource(around, image, digest, tag) }
}

/** Whether the registry sends a part of a layer: of the largest, which is the one that matters. */
async function rangeOf(
  { probe, signal }: Surroundings,
  { images }: ReadImage,
): Promise<Pick<ImageAccount, 'range'>> {
  const layers = images.flatMap((image) => image.layers)
  const largest = layers.toSorted((a, b) => b.size - a.size)[0]
  if (largest === undefined) return {}
  return { range: await probe.range(largest, { signal }) }
}

/** What the rules say of an ordinary image, and what a webhook for it would lead to. */
async function judged(
  config: Config,
  source: ImageSource,
  root: Descriptor,
  reference: Reference,
  signal: AbortSignal,
): Promise<Pick<ImageAccount, 'rules' | 'refused' | 'notAnImage'>> {
  const { facts, skipped } = await factsAbout(config, source, root, signal)
  const { verdicts, refused } = explainPush(config, { url: formatReference(reference) }, facts)
  return {
    rules: verdicts.map(({ rule, holds, because }) => ({ name: rule.name, holds, because })),
    ...(refused === undefined ? {} : { refused }),
    ...(skipped === undefined ? {} : { notAnImage: skipped }),
  }
}

/** What conditions ask about, or why it would not be converted whatever the rules say. */
async function factsAbout(
  config: Config,
  source: ImageSource,
  root: Descriptor,
  signal: AbortSignal,
): Promise<{ facts?: ImageFacts; skipped?: string }> {
  const platforms = parsePlatforms(config.converter.platforms)
  try {
    const loaded = await loadSource(source, root, { platforms, signal })
    return loaded.root === undefined ? { skipped: loaded.skipped } : { facts: factsOf(loaded.root) }
  } catch (error) {
    if (!isAccelError(error) || !error.code.startsWith('IMAGE_')) throw error
    return { skipped: error.message }
  }
}
