import type { RuleConfig } from '../config/rules.ts'
import { isAccelError } from '../errors/accel-error.ts'
import { ACCELERATION_DRIVER_NAME, ACCELERATION_SOURCE_DIGEST } from '../oci/annotation.ts'
import { isDigest, type Digest } from '../oci/digest.ts'
import type { RegistryRepository } from '../registry/repository.ts'
import type { RepositoryProbe } from '../registry/repository-probe.ts'
import type { Referrer } from '../registry/referrers-list.ts'
import { convertedOf, sizeOf, type SourceAccount, type Variant } from './account.ts'
import { readImage, type ReadImage } from './read-image.ts'

/** Where images of one repository are looked for. */
export interface Surroundings {
  at: RegistryRepository
  probe: RepositoryProbe
  rules: readonly RuleConfig[]
  signal: AbortSignal
}

/** What became of the image from which `image` was made, which has the tag `tag`. */
export async function readSource(
  { at, rules, signal }: Surroundings,
  { images }: ReadImage,
  digest: Digest,
  tag: string | undefined,
): Promise<SourceAccount> {
  const found = await at.find(digest, { signal })
  const account: SourceAccount = { digest, found: found !== undefined }
  if (found !== undefined) {
    const original = await readImage(at, found, `${at.name}@${digest}`, signal)
    const platforms = new Set(convertedOf(images).map(({ platform }) => platform))
    const those = original.images.filter(({ platform }) => platforms.has(platform))
    if (those.length > 0) account.size = sizeOf(those)
  }
  const rule = rules.find(({ tagSuffix }) => tagSuffix !== '' && tag?.endsWith(tagSuffix))
  const name = rule === undefined ? undefined : tag?.slice(0, -rule.tagSuffix.length)
  if (rule === undefined || !name) return account
  const now = await at.find(name, { signal })
  account.tag = { name, rule: rule.name, ...(now === undefined ? {} : { digest: now.digest }) }
  return account
}

/** What was made of an ordinary image: by the tags that rules give, and by what names it as its subject. */
export async function readVariants(
  { at, probe, rules, signal }: Surroundings,
  root: Digest,
  { images }: ReadImage,
  tag: string | undefined,
): Promise<{ variants: Variant[]; attached: number; referrersBy: 'api' | 'tag' }> {
  const own = new Set([root, ...images.map(({ digest }) => digest)])
  const { list, by } = await probe.referrers(root, { signal })
  const linked = new Map(list.map((entry) => [entry.digest, entry]))
  const variants: Variant[] = []
  for (const { name: rule, tagSuffix } of tag === undefined ? [] : rules) {
    if (tagSuffix === '') continue
    variants.push(await taggedVariant(at, `${tag}${tagSuffix}`, rule, { own, linked, signal }))
  }
  const named = new Set(variants.map(({ digest }) => digest))
  const conversions = list.filter(isConversion)
  for (const entry of conversions) {
    if (named.has(entry.digest)) continue
    const { driver, source } = saidBy(entry.annotations)
    const state = source === undefined || own.has(source) ? 'current' : 'unknown'
    const { digest } = entry
    variants.push({ name: digest, state, digest, linked: true, ...some({ driver, source }) })
  }
  return { variants, attached: list.length - conversions.length, referrersBy: by }
}

async function taggedVariant(
  at: RegistryRepository,
  name: string,
  rule: string,
  known: { own: ReadonlySet<Digest>; linked: ReadonlyMap<Digest, Referrer>; signal: AbortSignal },
): Promise<Variant> {
  const { own, linked, signal } = known
  const found = await at.find(name, { signal })
  if (found === undefined) return { name, rule, state: 'missing', linked: false }
  const { digest } = found
  const { driver, source } = await madeOf(at, found, signal)
  const state = source === undefined ? 'unknown' : own.has(source) ? 'current' : 'outdated'
  return { name, rule, state, digest, linked: linked.has(digest), ...some({ driver, source }) }
}

/** What a result says of its making; nothing where it cannot be read as an image. */
async function madeOf(
  at: RegistryRepository,
  found: Parameters<typeof readImage>[1],
  signal: AbortSignal,
): Promise<{ driver?: string | undefined; source?: Digest | undefined }> {
  try {
    return (await readImage(at, found, `${at.name}@${found.digest}`, signal)).made ?? {}
  } catch (error) {
    if (!isAccelError(error) || signal.aborted || error.code.startsWith('REGISTRY_')) throw error
    return {}
  }
}

function isConversion({ annotations }: Referrer): boolean {
  return annotations[ACCELERATION_DRIVER_NAME] !== undefined
}

function saidBy(annotations: Readonly<Record<string, string>>): {
  driver: string | undefined
  source: Digest | undefined
} {
  const source = annotations[ACCELERATION_SOURCE_DIGEST]
  return {
    driver: annotations[ACCELERATION_DRIVER_NAME],
    source: isDigest(source) ? source : undefined,
  }
}

function some(known: { driver?: string | undefined; source?: Digest | undefined }): {
  driver?: string
  source?: Digest
} {
  const { driver, source } = known
  return {
    ...(driver === undefined ? {} : { driver }),
    ...(source === undefined ? {} : { source }),
  }
}
