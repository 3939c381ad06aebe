import { isAccelError } from '../errors/accel-error.ts'
import { isRepository, isTag } from '../oci/reference.ts'
import { invalid, readPages, type ListInit } from './pages.ts'
import type { RepositoryAccess } from './repository-access.ts'
import { repositoryScope } from './scope.ts'
import type { Transport } from './transport.ts'

/** Names asked for at once: what GHCR and others give at most. */
const PAGE = 100

/** The tags of a repository, in the registry's order; none where there is no such repository. Throws REGISTRY_…. */
export async function* listTags(access: RepositoryAccess, init: ListInit): AsyncGenerator<string> {
  const request = {
    what: `the tags of ${access.name}`,
    scopes: [repositoryScope(access.repository, 'pull')],
  }
  const pages = readPages(access.transport, request, access.path(`tags/list?n=${PAGE}`), init)
  try {
    for await (const page of pages) yield* textsIn(page, 'tags', request).filter(isTag)
  } catch (error) {
    if (!isAccelError(error, 'REGISTRY_STATUS') || error.context.status !== 404) throw error
  }
}

/**
 * The repositories that the registry lists to our account. Many registries list none to accounts that are not
 * administrators. Throws REGISTRY_…. Source: distribution spec/api.md, "Listing Repositories".
 */
export async function* listRepositories(
  transport: Transport,
  init: ListInit,
): AsyncGenerator<string> {
  const request = {
    what: `the repositories of ${transport.host.name}`,
    scopes: ['registry:catalog:*'],
  }
  for await (const page of readPages(transport, request, `/v2/_catalog?n=${PAGE}`, init)) {
    yield* textsIn(page, 'repositories', request).filter(isRepository)
  }
}

/** The texts of a list; an empty one is null in some registries. */
function textsIn(page: unknown, member: string, request: { what: string }): string[] {
  const list =
    typeof page === 'object' && page !== null
      ? ((page as Record<string, unknown>)[member] ?? [])
      : undefined
  if (!Array.isArray(list)) throw invalid(request, `${member} is not a list`)
  return list.filter((item): item is string => typeof item === 'string')
}
