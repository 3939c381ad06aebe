import { isImageConfigType, isIndexType } from '../../oci/media-type.ts'
import type { RegistryContext } from './context.ts'
import type { Exchange, Headers } from './exchange.ts'
import { harborSetupAnswer } from './harbor-setup.ts'
import type { StoredManifest, StoredRepository } from './storage.ts'

/** Where Harbor's own API is. */
export const HARBOR_API = '/api/v2.0/'

const DEFAULT_PAGE = 10
const MAX_PAGE = 100

/**
 * The part of Harbor's API v2.0 by which images are found: `ping`, projects, repositories, artifacts. As the real one
 * it takes Basic and nothing else, wants the repository encoded twice, lists no accessories, and refuses pages above
 * 100. `user` is the account of the request. Source: Harbor api/v2.0/swagger.yaml.
 */
export async function getHarborApi(
  context: RegistryContext,
  exchange: Exchange,
  user: string | undefined,
): Promise<void> {
  const { harbor } = context
  const path = exchange.url.pathname.slice(HARBOR_API.length)
  if (harbor === undefined) return exchange.refuse(404, 'UNSUPPORTED', '404 page not found')
  if (path === 'ping') return exchange.answer(200, { 'Content-Type': 'text/plain' }, text('Pong'))
  if (user === undefined && context.init.auth !== undefined) {
    return exchange.refuse(401, 'UNAUTHORIZED', 'unauthorized')
  }
  const size = Number(exchange.url.searchParams.get('page_size') ?? DEFAULT_PAGE)
  if (!(size > 0 && size <= MAX_PAGE)) {
    return exchange.refuse(
      422,
      'UNSUPPORTED',
      `page_size in query should be less than or equal to 100`,
    )
  }
  const [kind, project = '', below, repository = '', last] = path.split('/')
  const known = projectsOf(context)
  const setup = harborSetupAnswer(context, exchange, path, { user, projects: known })
  if (setup !== undefined) {
    if ('status' in setup) return exchange.refuse(setup.status, 'DENIED', setup.message)
    const headers = { 'Content-Type': 'application/json' }
    return exchange.answer(200, headers, text(JSON.stringify(setup.body)))
  }
  if (kind === 'projects' && project === '') {
    const named = exchange.url.searchParams.get('name') ?? ''
    const found = projects(context, known).filter(({ name }) => name.includes(named))
    return page(exchange, size, found)
  }
  if (kind !== 'projects' || !known.includes(project)) {
    return exchange.refuse(404, 'NAME_UNKNOWN', `project ${project} not found`)
  }
  const inside = [...context.storage.repositories.values()].filter(
    ({ name, manifests }) => name.startsWith(`${project}/`) && manifests.size > 0,
  )
  if (below === 'repositories' && repository === '') {
    const names = inside.map(({ name }) => ({ name })).toSorted(byName)
    return page(exchange, size, names)
  }
  if (below === 'repositories' && last === 'artifacts') {
    const name = `${project}/${decodeURIComponent(decodeURIComponent(repository))}`
    const found = inside.find((one) => one.name === name)
    return page(exchange, size, found === undefined ? [] : artifacts(exchange, found))
  }
  return exchange.refuse(404, 'UNSUPPORTED', `path ${exchange.url.pathname} was not found`)
}

function projectsOf({ harbor, storage }: RegistryContext): string[] {
  const used = [...storage.repositories.keys()].map((name) => name.split('/')[0] ?? '')
  return [...new Set([...(harbor?.projects ?? []), ...used])]
}

function projects(
  { harbor }: RegistryContext,
  names: readonly string[],
): { project_id: number; name: string }[] {
  return names
    .map((name, index) => ({
      project_id: index + 1,
      name,
      ...(harbor?.proxyProjects?.includes(name) === true ? { registry_id: 1 } : {}),
    }))
    .toSorted(byName)
}

function artifacts(exchange: Exchange, repository: StoredRepository): object[] {
  const wanted = decodeURIComponent(exchange.url.searchParams.get('q') ?? '').split(',')
  return [...repository.manifests]
    .map(([digest, manifest]) => ({ digest, manifest, tags: tagsOf(repository, digest) }))
    .filter(({ tags, manifest }) => {
      if (wanted.includes('tags=*') && tags.length === 0) return false
      if (wanted.includes('type=IMAGE') && !isImage(manifest)) return false
      return !isAccessory(repository, manifest)
    })
    .map(({ digest, tags }, index) => ({
      id: index + 1,
      type: 'IMAGE',
      digest,
      // as in some versions, nothing is null
      tags: tags.length === 0 ? null : tags.map((name) => ({ name, immutable: false })),
      accessories: null,
    }))
}

function tagsOf(repository: StoredRepository, digest: string): string[] {
  return [...repository.tags].filter(([, named]) => named === digest).map(([tag]) => tag)
}

function isImage(manifest: StoredManifest): boolean {
  const { config } = JSON.parse(Buffer.from(manifest.bytes).toString()) as {
    config?: { mediaType: string }
  }
  return isIndexType(manifest.mediaType) || isImageConfigType(config?.mediaType ?? '')
}

/** What has a subject in the same repository is hidden below it. */
function isAccessory(repository: StoredRepository, manifest: StoredManifest): boolean {
  return manifest.subject !== undefined && repository.manifests.has(manifest.subject)
}

async function page(exchange: Exchange, size: number, all: readonly object[]): Promise<void> {
  const number = Number(exchange.url.searchParams.get('page') ?? 1)
  const items = all.slice((number - 1) * size, number * size)
  const headers: Headers = { 'Content-Type': 'application/json', 'X-Total-Count': all.length }
  if (number * size < all.length) {
    const query = new URLSearchParams(exchange.url.searchParams)
    query.set('page', String(number + 1))
    headers['Link'] = `<${exchange.url.pathname}?${query.toString()}>; rel="next"`
  }
  await exchange.answer(200, headers, text(JSON.stringify(items)))
}

function byName(a: object, b: object): number {
  return 'name' in a && 'name' in b && String(a.name) < String(b.name) ? -1 : 1
}

function text(body: string): Uint8Array {
  return Buffer.from(body)
}
