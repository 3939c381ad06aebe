import { isCacheManifest, readCacheImage, recordsOf } from '../cache/cache-image.ts'
import type { Config } from '../config/schema.ts'
import { isAccelError } from '../errors/accel-error.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { parseIndex, parseManifest } from '../oci/manifest.ts'
import { isIndexType, isManifestType } from '../oci/media-type.ts'
import type { RegistryClient } from '../registry/client.ts'
import type { RegistryRepository } from '../registry/repository.ts'
import type { RepositoryProbe } from '../registry/repository-probe.ts'
import { failure, ok, skipped, warning, type Finding } from './check.ts'
import type { KnownRegistry } from './registry-checks.ts'
import { registryFailure } from './registry-fix.ts'
import { tick, type Permission } from './harbor-permission.ts'

/** What is tested in one repository. */
export interface RepositoryInit {
  config: Config
  known: KnownRegistry
  repository: string
  /** A tag or digest; without one the first tag that is there. */
  wanted: string | undefined
  /** What Harbor says of the account's permission to push; undefined where nobody says it. */
  mayPush: boolean | undefined
  signal: AbortSignal
}

/** Whether an image of the repository can be pulled, read in part, and converted into the same repository. */
export async function repositoryChecks(
  registry: RegistryClient,
  init: RepositoryInit,
): Promise<Finding[]> {
  const { known, repository } = init
  const place = { host: known.host, repository }
  const checks = new RepositoryChecks(registry.repository(place), registry.probe(place), init)
  return checks.run()
}

class RepositoryChecks {
  readonly #at: RegistryRepository
  readonly #probe: RepositoryProbe
  readonly #init: RepositoryInit

  constructor(at: RegistryRepository, probe: RepositoryProbe, init: RepositoryInit) {
    this.#at = at
    this.#probe = probe
    this.#init = init
  }

  async run(): Promise<Finding[]> {
    const tags = await this.#asked('pull', () => this.#tags())
    if ('finding' in tags) return [tags.finding, ...(await this.#push())]
    const image = await this.#asked('pull', () => this.#image(tags.value[0]))
    if ('finding' in image) return [image.finding, ...(await this.#push())]
    return [
      ...this.#found(image.value, tags.value),
      ...(await this.#push()),
      ...(await this.#reading(image.value)),
      ...(await this.#caches()),
    ]
  }

  /** The first tags, as many as one page has. */
  async #tags(): Promise<string[]> {
    const tags: string[] = []
    for await (const tag of this.#at.tags({ signal: this.#init.signal })) {
      if (tags.push(tag) === MAX_TAGS) break
    }
    return tags
  }

  async #image(firstTag: string | undefined): Promise<Descriptor | undefined> {
    const { wanted = firstTag, signal } = this.#init
    return wanted === undefined ? undefined : this.#at.find(wanted, { signal })
  }

  #found(image: Descriptor | undefined, tags: readonly string[]): Finding[] {
    const { name } = this.#at
    const { wanted } = this.#init
    const number = `${tags.length}${tags.length === MAX_TAGS ? ' or more' : ''}`
    if (image !== undefined) {
      return [ok(`${wanted ?? tags[0]} of ${name} may be pulled, and its tags listed: ${number}`)]
    }
    if (wanted !== undefined) {
      const some = tags.slice(0, 3).join(', ')
      const fix = some === '' ? 'push it, or name another' : `name another tag, such as ${some}`
      return [failure(`there is no ${wanted} in ${name}`, fix)]
    }
    const fix = `push an image to it and run this again with its name`
    return [skipped(`${name} has no image yet: pulls cannot be tested`, fix)]
  }

  async #push(): Promise<Finding[]> {
    const { name } = this.#at
    const { mayPush, signal } = this.#init
    // what Harbor itself says of it is exact, and was said
    if (mayPush === false) return []
    const pushed = await this.#asked('push', () => this.#probe.upload({ signal }))
    if ('finding' in pushed) return [await this.#withGrants(pushed.finding)]
    const left = pushed.value.cancelled
      ? 'and taken back'
      : 'and given up; the registry clears it away later'
    return [ok(`${name} may be pushed to: an upload was begun ${left}`)]
  }

  /** Adds what the token service granted, where that is less than was asked for. */
  async #withGrants(finding: Finding): Promise<Finding> {
    const granted = await this.#probe.granted().catch(() => undefined)
    if (granted === undefined || granted.has('push')) return finding
    const given = granted.size === 0 ? 'nothing' : [...granted].join(' and ')
    const found = `${finding.found}; its token service was asked for pull and push and granted ${given}`
    return { ...finding, found }
  }

  /** Lazy pulling, and the links between images. */
  async #reading(image: Descriptor | undefined): Promise<Finding[]> {
    if (image === undefined) return []
    const { signal } = this.#init
    const layer = await this.#asked('pull', () => this.#layerOf(image))
    const findings: Finding[] = 'finding' in layer ? [layer.finding] : []
    if ('value' in layer && layer.value !== undefined) {
      const { value } = layer
      const range = await this.#asked('pull', () => this.#probe.range(value, { signal }))
      findings.push('finding' in range ? range.finding : rangeFinding(range.value))
    }
    const referrers = await this.#asked('pull', () =>
      this.#probe.referrers(image.digest, { signal }),
    )
    if ('finding' in referrers) return [...findings, referrers.finding]
    return [
      ...findings,
      referrers.value.by === 'api'
        ? ok('it has the referrers API: a result can be found from its source')
        : ok(
            'it has no referrers API: links to a source are kept under a tag sha256-…, which is visible beside the others',
          ),
    ]
  }

  /** A layer of the image, or of the first of an index. */
  async #layerOf(root: Descriptor): Promise<Descriptor | undefined> {
    const { signal } = this.#init
    const what = `${this.#at.name}@${root.digest}`
    const bytes = await this.#at.manifest(root, { signal })
    if (!isIndexType(root.mediaType)) return parseManifest(bytes, what).layers[0]
    const { manifests } = parseIndex(bytes, what)
    const image = manifests.find(({ mediaType }) => isManifestType(mediaType))
    return image === undefined ? undefined : this.#layerOf(image)
  }

  /** The remote caches that rules ask for. */
  async #caches(): Promise<Finding[]> {
    const { config, signal } = this.#init
    const tags = new Set(config.converter.rules.map(({ cacheTag }) => cacheTag))
    tags.delete('')
    const findings: Finding[] = []
    for (const tag of tags) {
      const found = await this.#asked('pull', () => this.#at.find(tag, { signal }))
      if ('finding' in found) findings.push(found.finding)
      else if (found.value === undefined) {
        findings.push(
          ok(`the remote cache ${this.#at.name}:${tag} is made by the first conversion`),
        )
      } else findings.push(await this.#cache(tag, found.value))
    }
    return findings
  }

  async #cache(tag: string, root: Descriptor): Promise<Finding> {
    const name = `${this.#at.name}:${tag}`
    const { signal } = this.#init
    const fix = `choose another cache_tag, or remove the tag ${tag}: the next conversion makes a new cache`
    try {
      const cache = await readCacheImage(this.#at, root, { signal })
      const members = (cache?.members ?? []).map(({ manifest }) => manifest)
      if (!members.some(isCacheManifest)) {
        return warning(`${name} is no cache of layers: conversions would write over it`, fix)
      }
      const layers = members.reduce((sum, manifest) => sum + recordsOf(manifest).length, 0)
      return ok(`the remote cache ${name} can be read; it knows layers: ${layers}`)
    } catch (error) {
      if (!isAccelError(error) || signal.aborted) throw error
      return warning(`the remote cache ${name} cannot be read: ${error.message}`, fix)
    }
  }

  /** The answer to a question, or what a refusal means. */
  async #asked<T>(
    action: 'pull' | 'push',
    ask: () => Promise<T>,
  ): Promise<{ value: T } | { finding: Finding }> {
    const { known, signal } = this.#init
    try {
      return { value: await ask() }
    } catch (error) {
      if (signal.aborted) throw error
      const words = refusal(error)
      if (words === undefined) {
        return { finding: registryFailure(error, known) }
      }
      const found = `${this.#at.name} may not be ${action === 'pull' ? 'pulled from' : 'pushed to'}: ${words}`
      return { finding: failure(found, this.#permit(action)) }
    }
  }

  /** How the account gets the permission. */
  #permit(action: 'pull' | 'push'): string {
    const { known, repository } = this.#init
    const { account } = known
    if (known.harbor === undefined) {
      const who = account ?? 'an account, and configure it as auth,'
      return `let ${who} ${action === 'pull' ? 'pull from' : 'pull from and push to'} ${repository}`
    }
    const wanted: Permission[] = [{ resource: 'repository', action: 'pull' }]
    if (action === 'push') wanted.push({ resource: 'repository', action })
    return tick(account, repository.split('/')[0] ?? '', wanted)
  }
}

/** Tags that are looked at; a repository may have thousands. */
const MAX_TAGS = 100

/** The words with which a registry refuses an account something; undefined where the error is another. */
function refusal(error: unknown): string | undefined {
  if (!isAccelError(error, 'REGISTRY_AUTH') && !isAccelError(error, 'REGISTRY_DENIED')) {
    return undefined
  }
  const said = error.context.diagnostics.map(({ code, message }) => `${code}: ${message}`)
  const problem = isAccelError(error, 'REGISTRY_AUTH') ? [error.context.problem] : []
  return [...problem, ...said].join('; ') || 'it is refused'
}

function rangeFinding({ partial, problem = '' }: { partial: boolean; problem?: string }): Finding {
  if (partial) return ok('a part of a layer can be read: Range is answered with 206')
  return warning(
    `a part of a layer cannot be read: ${problem}, expected 206. Clients then pull whole layers, whatever the format`,
    'let the registry, its storage and each proxy before it pass the header Range on; caches that store whole answers are the usual cause',
  )
}
