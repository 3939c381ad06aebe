import type { SourceConfig } from '../config/schema.ts'
import { AccelError, isAccelError } from '../errors/accel-error.ts'
import type { Pattern } from '../pattern/pattern.ts'
import type { RegistryClient } from '../registry/client.ts'
import type { ListInit } from '../registry/pages.ts'

/** A tag that was found, and what else is known of it. */
export interface FoundImage {
  repository: string
  tag: string
  /** Where the list says it. */
  digest?: string
  /** All tags of the repository, where the list says them: one that is missing need not be asked for. */
  tags?: ReadonlySet<string>
}

/** How a search through one registry goes. */
export interface FindInit extends ListInit {
  /** Is told of a repository that the account may not look into; the search goes on behind it. */
  onRefused(repository: string, error: AccelError): void
}

/** How images are found in one registry. */
export type FindImages = (init: FindInit) => AsyncGenerator<FoundImage>

/** Answers of a registry that concern one repository. */
const refusals: readonly string[] = ['REGISTRY_AUTH', 'REGISTRY_DENIED', 'REGISTRY_STATUS']

/** Finds the tagged images of `host`, as its configuration says. */
export async function imageFinder(
  registry: RegistryClient,
  host: string,
  { reconcile }: Pick<SourceConfig, 'reconcile'>,
  init: ListInit,
): Promise<FindImages> {
  const { api, repositories } = reconcile
  const wanted = (name: string): boolean =>
    repositories.length === 0 || repositories.some((pattern) => pattern.matches(name))
  const named = repositories.length > 0 && repositories.every(isName)
  const harbor =
    api === 'harbor' || (api === 'auto' && (await registry.harbor(host).detected(init)))
  const names = (list: ListInit): AsyncIterable<string> | Iterable<string> => {
    if (named) return repositories.map(({ text }) => text)
    return harbor ? harborRepositories(registry, host, list) : registry.repositories(host, list)
  }
  return async function* find(list) {
    for await (const repository of refusedInWords(names(list), host)) {
      if (!wanted(repository)) continue
      try {
        yield* harbor
          ? harborImages(registry, host, repository, list)
          : taggedImages(registry, host, repository, list)
      } catch (error) {
        if (!isAccelError(error) || !refusals.includes(error.code)) throw error
        list.onRefused(repository, error)
      }
    }
  }
}

/** The names; an account that may not list them is told what can be done. Throws RECONCILE_LIST_REFUSED. */
async function* refusedInWords(
  names: AsyncIterable<string> | Iterable<string>,
  host: string,
): AsyncGenerator<string> {
  try {
    yield* names
  } catch (error) {
    if (!isAccelError(error) || !refusals.includes(error.code)) throw error
    const context = { host, problem: error.message }
    throw new AccelError('RECONCILE_LIST_REFUSED', context, { cause: error })
  }
}

/** Whether a pattern is simply a name, so that no list is needed to know what it means. */
function isName({ text }: Pattern): boolean {
  return !/[*?{\\]/.test(text) && !text.startsWith('/')
}

async function* harborRepositories(
  registry: RegistryClient,
  host: string,
  init: ListInit,
): AsyncGenerator<string> {
  const api = registry.harbor(host)
  for await (const { name, proxyCache } of api.projects(init)) {
    // nothing can be pushed there
    if (!proxyCache) yield* api.repositories(name, init)
  }
}

async function* harborImages(
  registry: RegistryClient,
  host: string,
  repository: string,
  init: ListInit,
): AsyncGenerator<FoundImage> {
  for await (const { digest, tags } of registry.harbor(host).images(repository, init)) {
    for (const tag of tags) yield { repository, tag, digest }
  }
}

/** The tags of one repository are in memory together: some bytes each. */
async function* taggedImages(
  registry: RegistryClient,
  host: string,
  repository: string,
  init: ListInit,
): AsyncGenerator<FoundImage> {
  const tags = new Set<string>()
  for await (const tag of registry.repository({ host, repository }).tags(init)) tags.add(tag)
  for (const tag of tags) yield { repository, tag, tags }
}
