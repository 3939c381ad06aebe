import type { Descriptor } from '../../oci/descriptor.ts'
import { OCI_INDEX } from '../../oci/media-type.ts'
import type { RegistryContext } from './context.ts'
import type { Exchange, Headers } from './exchange.ts'
import { digestIn } from './name.ts'

/** `GET /v2/<name>/tags/list`, in order, by pages where `n` or the registry's page size asks for it. */
export async function getTags(context: RegistryContext, exchange: Exchange): Promise<void> {
  const name = exchange.repository
  const found = context.storage.repositories.get(name)
  if (found === undefined || found.manifests.size === 0) {
    return exchange.refuse(404, 'NAME_UNKNOWN', 'repository name not known to registry', {
      detail: { name },
    })
  }
  const { items, headers } = pageOf(context, exchange, [...found.tags.keys()].sort())
  await json(exchange, 'application/json', { name, tags: items }, headers)
}

/** `GET /v2/_catalog`: the repositories, in order, by pages. */
export async function getCatalog(context: RegistryContext, exchange: Exchange): Promise<void> {
  const names = [...context.storage.repositories.values()]
    .filter((repository) => repository.manifests.size > 0)
    .map((repository) => repository.name)
    .sort()
  const { items, headers } = pageOf(context, exchange, names)
  await json(exchange, 'application/json', { repositories: items }, headers)
}

/** `GET /v2/<name>/referrers/<digest>`: always an index, of nothing where there is nothing. */
export async function getReferrers(context: RegistryContext, exchange: Exchange): Promise<void> {
  if (context.init.referrers === false) {
    return exchange.answer(404, { 'Content-Type': 'text/plain' }, Buffer.from('404 not found\n'))
  }
  const { repository, url } = exchange
  const subject = await digestIn(exchange, exchange.reference)
  const artifactType = url.searchParams.get('artifactType')
  const version = context.harbor?.version
  const early = version !== undefined && version !== '2.11'
  const all = context.storage
    .referrers(repository, subject)
    .map((referrer) => (early ? earlyHarborEntry(context, repository, referrer) : referrer))
    .filter((referrer) => artifactType === null || referrer.artifactType === artifactType)
  const { items, headers } = pageOf(context, exchange, all, ({ digest }) => digest)
  if (artifactType !== null) headers['OCI-Filters-Applied'] = 'artifactType'
  if (version !== undefined) headers['X-Total-Count'] = all.length
  const type = version === '2.8' || version === '2.9' ? 'application/json' : OCI_INDEX
  const known = context.storage.manifest(repository, subject) !== undefined
  const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: items }
  await json(exchange, type, early && !known ? {} : index, headers)
}

/** Before 2.11 Harbor says the size of the layers for the manifest's, and knows no `artifactType`. */
function earlyHarborEntry(
  context: RegistryContext,
  repository: string,
  entry: Descriptor & { artifactType: string },
): Descriptor & { artifactType: string } {
  const manifest = context.storage.manifest(repository, entry.digest)
  const { config, layers = [] } = JSON.parse(Buffer.from(manifest!.bytes).toString()) as {
    config?: Descriptor
    layers?: Descriptor[]
  }
  const size = layers.reduce((sum, layer) => sum + layer.size, 0)
  return { ...entry, size, artifactType: config?.mediaType ?? '' }
}

async function json(
  exchange: Exchange,
  type: string,
  value: unknown,
  headers: Headers,
): Promise<void> {
  const body = Buffer.from(JSON.stringify(value))
  await exchange.answer(200, { 'Content-Type': type, ...headers }, body)
}

/** The page that `n` and `last` ask for, and the `Link` to the next. Source: distribution-spec 1.1, "Listing Tags". */
function pageOf<T>(
  context: RegistryContext,
  exchange: Exchange,
  all: T[],
  key: (item: T) => string = String,
): { items: T[]; headers: Headers } {
  const { url } = exchange
  const last = url.searchParams.get('last')
  const asked = url.searchParams.get('n')
  const n = Math.min(asked === null ? Infinity : Number(asked), context.init.pageSize ?? Infinity)
  const begin = last === null ? 0 : all.findIndex((item) => key(item) === last) + 1
  const rest =
    last !== null && begin === 0 ? all.filter((item) => key(item) > last) : all.slice(begin)
  const items = rest.slice(0, n)
  const headers: Headers = {}
  if (items.length < rest.length && items.length > 0) {
    const query = new URLSearchParams(url.searchParams)
    query.set('last', key(items.at(-1)!))
    query.set('n', String(n))
    headers['Link'] = `<${url.pathname}?${query.toString()}>; rel="next"`
  }
  return { items, headers }
}
