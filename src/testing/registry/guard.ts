import { createAccounts, type Access } from './account.ts'
import type { RegistryContext } from './context.ts'
import type { Exchange, Headers } from './exchange.ts'
import { createTokens, type Tokens } from './token.ts'

/** Stands before the handlers: it lets a request pass, or answers it. */
export interface Guard {
  /** Where tokens are to be had; undefined without them. */
  tokenPath: string | undefined
  admit(context: RegistryContext, exchange: Exchange): Promise<void>
  /** The token endpoint. */
  token(context: RegistryContext, exchange: Exchange): Promise<void>
  expireTokens(): void
  /** The user whose Basic credentials a request has. */
  userOf(exchange: Exchange): string | undefined
}

/** What is wrong with the credentials of a request. */
type Lack = 'none' | 'invalid' | 'insufficient'

/** Makes the guard that `context.init.auth` describes; without it everybody may do everything. */
export function createGuard(context: RegistryContext): Guard {
  const { auth } = context.init
  if (auth === undefined) {
    return {
      tokenPath: undefined,
      admit: async (_, exchange) => checkHarborSession(context, exchange),
      token: async (_, exchange) => exchange.refuse(404, 'UNSUPPORTED', 'there are no accounts'),
      expireTokens() {},
      userOf: () => undefined,
    }
  }
  const projects = context.harbor?.publicProjects ?? []
  const isPublic = (repository: string) => projects.includes(repository.split('/')[0]!)
  const accounts = createAccounts(auth, isPublic)
  const tokens = createTokens(auth, accounts, context.init.now ?? Date.now)
  const bearer = auth.kind === 'bearer'

  const admit = async (_: RegistryContext, exchange: Exchange) => {
    await checkHarborSession(context, exchange)
    const authorization = exchange.header('authorization')
    const needed = accessOf(exchange)
    const user = accounts.identify(authorization)
    let lack: Lack = authorization === undefined ? 'none' : 'invalid'
    if (user !== undefined && (!bearer || context.harbor !== undefined)) {
      exchange.log.user = user
      if (needed.every((access) => accounts.may(user, access))) return
      lack = 'insufficient'
    } else if (bearer) {
      const token = tokens.use(authorization)
      if (token !== undefined) {
        exchange.log.user = token.user
        if (needed.every((access) => holds(context, token, access))) return
        lack = 'insufficient'
      }
    } else if (authorization === undefined && needed.length > 0) {
      if (needed.every((access) => accounts.may(undefined, access))) return
    }
    await refuse(context, exchange, needed, lack)
  }
  return {
    tokenPath: bearer ? tokenPathOf(context) : undefined,
    admit,
    token: (_, exchange) => tokens.answer(context, exchange),
    expireTokens: () => tokens.expireAll(),
    userOf: (exchange) => accounts.identify(exchange.header('authorization')),
  }
}

/** What a request needs: to pull, to pull and push, and for a mount to pull the other repository. */
function accessOf(exchange: Exchange): Access[] {
  const { repository } = exchange.route
  if (repository === undefined) return []
  const reads = /^(GET|HEAD) (?!upload)/.test(exchange.log.kind)
  const needed: Access[] = [{ repository, action: 'pull' }]
  if (!reads) needed.push({ repository, action: 'push' })
  const from = exchange.url.searchParams.get('from')
  if (exchange.log.kind === 'POST upload' && from !== null) {
    needed.push({ repository: from, action: 'pull' })
  }
  return needed
}

/** Harbor's tokens are good for the whole project. */
function holds(
  context: RegistryContext,
  token: NonNullable<ReturnType<Tokens['use']>>,
  { repository, action }: Access,
): boolean {
  const place = (name: string) => (context.harbor === undefined ? name : name.split('/')[0])
  return token.access.some(
    (held) => held.action === action && place(held.repository) === place(repository),
  )
}

async function refuse(
  context: RegistryContext,
  exchange: Exchange,
  needed: Access[],
  lack: Lack,
): Promise<never> {
  const { auth, harbor } = context.init
  const headers: Headers = {}
  if (auth?.kind === 'basic') {
    if (lack === 'insufficient') {
      return exchange.refuse(403, 'DENIED', 'requested access to the resource is denied')
    }
    headers['WWW-Authenticate'] = 'Basic realm="test registry"'
  } else if (harbor !== undefined && harbor !== false && lack !== 'none') {
    headers['WWW-Authenticate'] = 'Basic realm="harbor"'
  } else {
    const scheme = new URL(context.origin).protocol
    const service = context.harbor === undefined ? 'test-registry' : 'harbor-registry'
    const realm = `${scheme}//${exchange.header('host')}${tokenPathOf(context)}`
    const parts = [`realm="${realm}"`, `service="${service}"`]
    if (needed.length > 0) parts.push(`scope="${scopeOf(needed)}"`)
    if (lack === 'invalid') parts.push('error="invalid_token"')
    if (lack === 'insufficient') parts.push('error="insufficient_scope"')
    headers['WWW-Authenticate'] = `Bearer ${parts.join(',')}`
  }
  return exchange.refuse(401, 'UNAUTHORIZED', 'authentication required', { headers })
}

/** All scopes in one string, blank separated. */
function scopeOf(needed: Access[]): string {
  const repositories = [...new Set(needed.map((access) => access.repository))]
  return repositories
    .map((repository) => {
      const actions = needed.filter((access) => access.repository === repository)
      return `repository:${repository}:${actions.map((access) => access.action).join(',')}`
    })
    .join(' ')
}

function tokenPathOf(context: RegistryContext): string {
  return context.harbor === undefined ? '/token' : '/service/token'
}

/**
 * What Harbor does before it looks at credentials: every answer sets a session cookie, and a write that brings it
 * back is taken for a browser's and refused; so is a repository of a project that does not exist.
 */
async function checkHarborSession(context: RegistryContext, exchange: Exchange): Promise<void> {
  const { harbor } = context
  if (harbor === undefined) return
  exchange.response.setHeader('Set-Cookie', 'sid=0123456789abcdef; Path=/; HttpOnly')
  const writes = exchange.request.method !== 'GET' && exchange.request.method !== 'HEAD'
  if (writes && /(^|; )sid=/.test(exchange.header('cookie') ?? '')) {
    await exchange.refuse(403, 'FORBIDDEN', 'CSRF token invalid')
  }
  const mountFrom = exchange.url.searchParams.get('from') ?? undefined
  for (const repository of [exchange.route.repository, mountFrom]) {
    // Without a project part the mount itself is refused, with 400.
    const project = repository?.split('/')[0]
    if (
      project !== undefined &&
      repository!.includes('/') &&
      harbor.projects?.includes(project) === false
    ) {
      await exchange.refuse(401, 'UNAUTHORIZED', `project ${project} not found`, {
        headers: { 'WWW-Authenticate': '' },
      })
    }
  }
}
