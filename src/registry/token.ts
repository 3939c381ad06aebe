import { AccelError } from '../errors/accel-error.ts'
import type { Clock } from '../network/clock.ts'
import { basicHeader, isIdentityToken, type Credentials } from './credentials/credentials.ts'
import type { Headers } from '../network/exchange.ts'
import type { Scope } from './scope.ts'

/** A token, and until when it is used. */
export interface Token {
  value: string
  /** Milliseconds since 1970. */
  expiresAt: number
  /** Its whole life in milliseconds. */
  lifeMs: number
}

/** A token service, from a Bearer challenge. */
export interface TokenService {
  url: URL
  /** At the registry's own origin. */
  own: boolean
  service: string | undefined
}

/** One request to a token service, and its answer read to the end. */
export type AskTokenService = (
  service: TokenService,
  request: { method: 'GET' | 'POST'; url: URL; headers: Record<string, string>; body?: Uint8Array },
) => Promise<{ status: number; headers: Headers; text: string }>

/** Life of a token whose answer names none. Source: distribution docs, "Token Authentication Specification". */
const DEFAULT_LIFE_S = 60

const CLIENT_ID = 'acceleration-service'

/** Header values may hold visible ASCII only; a token of anything else would end in an error that quotes it. */
const usable = /^[\x21-\x7e]+$/

/**
 * Gets a token: by POST with the refresh_token grant for an identity token, where the service knows it (404 and 405: it
 * does not), else by GET with Basic, or anonymously. Returns why not when the service refuses.
 * Source: distribution docs, "Token Authentication Specification" and "OAuth2 Token Authentication".
 */
export async function fetchToken(
  ask: AskTokenService,
  service: TokenService,
  scopes: Scope[],
  credentials: Credentials | undefined,
  clock: Clock,
): Promise<Token | { refused: string }> {
  if (credentials !== undefined && isIdentityToken(credentials)) {
    const answer = await ask(service, postRequest(service, scopes, credentials.identityToken))
    if (answer.status !== 404 && answer.status !== 405) return tokenIn(answer, clock)
  }
  return tokenIn(await ask(service, getRequest(service, scopes, credentials)), clock)
}

function postRequest(service: TokenService, scopes: Scope[], refreshToken: string) {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: CLIENT_ID,
    ...(service.service === undefined ? {} : { service: service.service }),
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
    refresh_token: refreshToken,
  })
  const body = Buffer.from(form.toString())
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': String(body.length),
  }
  return { method: 'POST' as const, url: service.url, headers, body }
}

function getRequest(service: TokenService, scopes: Scope[], credentials: Credentials | undefined) {
  const url = new URL(service.url)
  if (service.service !== undefined) url.searchParams.set('service', service.service)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  const headers: Record<string, string> = {}
  if (credentials !== undefined) {
    headers['authorization'] = isIdentityToken(credentials)
      ? basicHeader(credentials.username ?? '<token>', credentials.identityToken)
      : basicHeader(credentials.username, credentials.password)
  }
  return { method: 'GET' as const, url, headers }
}

function tokenIn(
  answer: { status: number; text: string },
  clock: Clock,
): Token | { refused: string } {
  if (answer.status !== 200) return { refused: `the token service answered ${answer.status}` }
  const body = parseObject(answer.text)
  if (body === undefined) return { refused: 'the token service answered something else than JSON' }
  // Harbor sends an empty access_token beside the token; OAuth2 services send access_token alone.
  const value = [body['access_token'], body['token']].find(
    (text) => typeof text === 'string' && text !== '',
  )
  if (typeof value !== 'string' || !usable.test(value)) {
    return { refused: 'the token service answered without a token' }
  }
  const seconds = Number(body['expires_in'])
  const lifeMs = 1000 * (Number.isFinite(seconds) && seconds > 0 ? seconds : DEFAULT_LIFE_S)
  // Counted from now, not from issued_at: the clocks need not agree.
  return { value, lifeMs, expiresAt: clock.now() + lifeMs }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    // The parser's message quotes the text, which may hold a token.
    return undefined
  }
}

/** Marks an assertion that a token result is a refusal. */
export function isRefusal(result: Token | { refused: string }): result is { refused: string } {
  return 'refused' in result
}

/** The error for a login that failed. */
export function authError(
  context: { what: string; side: 'source' | 'target' | 'cache' | undefined; host: string },
  problem: string,
): AccelError {
  return new AccelError('REGISTRY_AUTH', { ...context, problem, diagnostics: [] })
}
