/** What a token shall allow, as `repository:<name>:<actions>`. Source: distribution docs, "Token Scope Documentation". */
export type Scope = string

/** Read, or read and write, one repository. */
export function repositoryScope(repository: string, access: 'pull' | 'push'): Scope {
  return `repository:${repository}:${access === 'pull' ? 'pull' : 'pull,push'}`
}

/** The scopes in a challenge's `scope` parameter: blank separated. */
export function parseScopes(text: string | undefined): Scope[] {
  return (text ?? '').split(/\s+/).filter((scope) => scope !== '')
}

/** Both lists as one, sorted: the actions for one resource are united, so that equal needs have equal names. */
export function uniteScopes(...lists: readonly Scope[][]): Scope[] {
  const actions = new Map<string, Set<string>>()
  for (const scope of lists.flat()) {
    const at = scope.lastIndexOf(':')
    const resource = at < 0 ? scope : scope.slice(0, at)
    const known = actions.get(resource) ?? new Set()
    actions.set(resource, known)
    for (const action of at < 0 ? [] : scope.slice(at + 1).split(',')) known.add(action)
  }
  return [...actions]
    .map(([resource, set]) =>
      set.size === 0 ? resource : `${resource}:${[...set].toSorted().join(',')}`,
    )
    .toSorted()
}
