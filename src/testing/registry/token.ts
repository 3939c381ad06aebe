import { randomBytes } from 'node:crypto'
import { collect } from '../../streams/byte-source.ts'
import type { Access, Accounts, Action } from './account.ts'
import type { RegistryContext } from './context.ts'
import { Interrupted, type Exchange } from './exchange.ts'
import type { AuthInit } from './init.ts'

interface Token {
  user: string | undefined
  access: Access[]
  /** Milliseconds since 1970. */
  expires: number
  requestsLeft: number
}

/** The token endpoint and the tokens that it gave out. Source: distribution docs/spec/auth, token.md and oauth.md. */
export interface Tokens {
  /** The token in the value of an `Authorization` header, counted as used; undefined when it is none or no longer valid. */
  use(authorization: string | undefined): { user: string | undefined; access: Access[] } | undefined
  /** Ends the validity of all tokens. */
  expireAll(): void
  /** `GET` and `POST` at the endpoint. */
  answer(context: RegistryContext, exchange: Exchange): Promise<void>
}

export function createTokens(auth: AuthInit, accounts: Accounts, now: () => number): Tokens {
  const tokens = new Map<string, Token>()
  const refreshTokens = new Map<string, string>()
  const expiresIn = auth.expiresIn ?? 1800

  const give = (user: string | undefined, access: Access[]): string => {
    const text = [{ alg: 'none' }, { access: claimOf(access) }]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .concat(randomBytes(24).toString('base64url'))
      .join('.')
    const requestsLeft = auth.requestsPerToken ?? Infinity
    tokens.set(text, { user, access, expires: now() + expiresIn * 1000, requestsLeft })
    return text
  }
  const granted = (context: RegistryContext, user: string | undefined, scopes: string[]) =>
    scopes
      .flatMap((scope) => scope.split(' '))
      .flatMap(parseScope)
      // Harbor gives what the account may do, whatever was asked for.
      .flatMap((access) => (context.harbor === undefined ? [access] : both(access.repository)))
      .filter((access) => accounts.may(user, access))

  const get = async (context: RegistryContext, exchange: Exchange) => {
    const authorization = exchange.header('authorization')
    const scopes = exchange.url.searchParams.getAll('scope')
    const user = accounts.identify(authorization)
    const wrong = authorization !== undefined && user === undefined
    exchange.log.user = user
    if (context.harbor !== undefined ? user === undefined && scopes.length === 0 : wrong) {
      return exchange.refuse(401, 'UNAUTHORIZED', 'authentication required')
    }
    const token = give(user, granted(context, user, scopes))
    const empty = auth.emptyAccessToken ?? context.harbor !== undefined
    await send(exchange, {
      token,
      access_token: empty ? '' : token,
      expires_in: expiresIn,
      issued_at: new Date(now()).toISOString(),
    })
  }

  const post = async (context: RegistryContext, exchange: Exchange) => {
    if (auth.refuseTokenPost ?? context.harbor !== undefined) {
      return exchange.refuse(405, 'UNSUPPORTED', 'the token service answers GET alone')
    }
    const tooLarge = new Interrupted('the form is larger than 64 KiB')
    const bytes = await collect(exchange.body(), 65_536, () => tooLarge)
    const form = new URLSearchParams(Buffer.from(bytes).toString())
    const user =
      form.get('grant_type') === 'refresh_token'
        ? refreshTokens.get(form.get('refresh_token') ?? '')
        : form.get('username')
    const secret = form.get('password') ?? ''
    const known = form.get('grant_type') === 'refresh_token' || accounts.check(user ?? '', secret)
    if (user === undefined || user === null || !known) {
      return exchange.refuse(401, 'UNAUTHORIZED', 'authentication required')
    }
    exchange.log.user = user
    const refresh = randomBytes(24).toString('base64url')
    if (form.get('access_type') === 'offline') refreshTokens.set(refresh, user)
    await send(exchange, {
      access_token: give(user, granted(context, user, form.getAll('scope'))),
      expires_in: expiresIn,
      ...(refreshTokens.has(refresh) ? { refresh_token: refresh } : {}),
    })
  }

  return {
    use(authorization) {
      const match = /^Bearer (.+)$/i.exec(authorization ?? '')
      const token = match === null ? undefined : tokens.get(match[1]!)
      if (token === undefined || token.expires <= now() || token.requestsLeft < 1) return undefined
      token.requestsLeft--
      return token
    },
    expireAll: () => tokens.clear(),
    answer: (context, exchange) =>
      exchange.request.method === 'POST' ? post(context, exchange) : get(context, exchange),
  }
}

/** What the token says of itself. Source: distribution docs, "Token Authentication Implementation". */
function claimOf(access: readonly Access[]): object[] {
  const names = [...new Set(access.map(({ repository }) => repository))]
  return names.map((name) => ({
    type: 'repository',
    name,
    actions: access.filter(({ repository }) => repository === name).map(({ action }) => action),
  }))
}

async function send(exchange: Exchange, answer: object): Promise<void> {
  const body = Buffer.from(JSON.stringify(answer))
  await exchange.answer(200, { 'Content-Type': 'application/json' }, body)
}

/** `repository:<name>:<action>,<action>`; other resources give nothing. */
function parseScope(scope: string): Access[] {
  const match = /^repository:(.+):([^:]*)$/.exec(scope)
  if (match === null) return []
  const [, repository, actions] = match as unknown as [string, string, string]
  return actions
    .split(',')
    .flatMap((action) => (action === '*' ? both(repository) : [{ repository, action }]))
    .filter((access): access is Access => access.action === 'pull' || access.action === 'push')
}

function both(repository: string): Access[] {
  return (['pull', 'push'] satisfies Action[]).map((action) => ({ repository, action }))
}
