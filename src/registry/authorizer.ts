import { isDeepStrictEqual } from 'node:util'
import type { Redaction } from '../log/redaction.ts'
import type { Challenge } from './challenge.ts'
import type { Clock } from '../network/clock.ts'
import { basicHeader, isIdentityToken, type Credentials } from './credentials/credentials.ts'
import type { Host } from './host.ts'
import type { Scrubber } from '../network/redact.ts'
import { judgeRealm } from './realm.ts'
import { parseScopes, uniteScopes, type Scope } from './scope.ts'
import { grantsIn, type TokenGrant } from './token-grant.ts'
import {
  fetchToken,
  isRefusal,
  type AskTokenService,
  type Token,
  type TokenService,
} from './token.ts'

/**
 * Logs in at one registry. What is known of it is learned from its challenges and kept:
 *
 *   nothing   → requests go without Authorization
 *   basic     → a Basic challenge came: they go with user and password
 *   bearer    → a Bearer challenge came: they go with a token for their scopes, kept until shortly before it expires
 *
 * A 401 moves one request on: an old token is replaced once, then Basic is tried once, then the request fails. A Basic
 * challenge does not make the registry forget its token service: Harbor answers with one whenever an Authorization did
 * not suffice.
 */
export interface Authorizer {
  /** The login of one request that needs `scopes`. */
  begin(scopes: Scope[], need: { minLifeMs: number }): Login
  /** The login of one request to an API that takes user and password and nothing else; without an account, nobody's. */
  withAccount(): Login
  /** The name of our account, for people; undefined without one. Throws REGISTRY_CREDENTIALS. */
  account(): Promise<string | undefined>
  /** How the registry wants to be logged in to, as far as its challenges have told. */
  readonly scheme: LoginScheme
  /**
   * What a token for `scopes` allows; undefined where no token service is known or its token does not say it. Throws what
   * asking for a token throws.
   */
  granted(scopes: Scope[]): Promise<TokenGrant[] | undefined>
}

/** `none`: nobody was asked who they are so far. */
export type LoginScheme = 'none' | 'basic' | 'bearer'

/** What is sent next as Authorization: a header, nothing (anonymous), or why there is nothing left to try. */
export type Step =
  | { header: string | undefined }
  | { refused: string }
  | { realm: string; refused: string }

/** The login of one request. */
export interface Login {
  first(): Promise<Step>
  /** After a 401 with `challenges`. */
  next(challenges: Challenge[]): Promise<Step>
}

/** Collaborators of `createAuthorizer`. */
export interface AuthorizerComponents {
  ask: AskTokenService
  clock: Clock
  /** Hides secrets in what the registry says. */
  scrubber: Scrubber
  /** Learns the account's secrets, for the log. */
  redaction: Pick<Redaction, 'add'>
}

/** Credentials from a function are kept this long, since a helper starts a process. */
const CREDENTIALS_LIFE_MS = 10 * 60_000

/** A token is not used in the last part of its life: this long, or a tenth where that is less. */
const EXPIRY_MARGIN_MS = 30_000

/** Harbor does not tell a wrong password from a missing permission. */
const INSUFFICIENT = 'the account, its password, or its permission here, is not sufficient'

/** Tokens kept per registry. */
const MAX_TOKENS = 512

/** What challenges have told. */
type Known = { scheme: 'none' } | { scheme: 'basic' } | ({ scheme: 'bearer' } & TokenService)

interface Held {
  value: Promise<Credentials | undefined>
  until: number
}

export function createAuthorizer(components: AuthorizerComponents, host: Host): Authorizer {
  const { clock, scrubber, redaction, ask } = components
  let known: Known = { scheme: 'none' }
  let held: Held | undefined
  const tokens = new Map<string, Token>()
  const fetching = new Map<string, Promise<Token | { refused: string }>>()

  async function credentials(): Promise<Credentials | undefined> {
    const source = host.init.credentials
    if (typeof source !== 'function') return remember(source)
    if (held === undefined || held.until <= clock.now()) {
      // Not the signal of the one request that happens to ask first: others wait for the same answer.
      const value = source()
      held = { value, until: clock.now() + CREDENTIALS_LIFE_MS }
      value.catch(() => (held = undefined))
    }
    return remember(await held.value)
  }

  function remember(found: Credentials | undefined): Credentials | undefined {
    if (found === undefined) return undefined
    const secrets = isIdentityToken(found)
      ? [found.identityToken]
      : [found.password, basicHeader(found.username, found.password).slice('Basic '.length)]
    for (const secret of secrets) {
      scrubber.add(secret)
      redaction.add(secret)
    }
    return found
  }

  function cached(key: string, minLifeMs: number): Token | undefined {
    const token = tokens.get(key)
    if (token === undefined) return undefined
    const margin = Math.min(EXPIRY_MARGIN_MS, token.lifeMs / 10)
    // A token that never lives long enough is still the best there is for half of its life.
    const needed = Math.min(Math.max(minLifeMs, margin), token.lifeMs / 2)
    return token.expiresAt - clock.now() > needed ? token : undefined
  }

  function fetchOnce(key: string, service: TokenService, scopes: Scope[]) {
    const running = fetching.get(key)
    if (running !== undefined) return running
    const work = credentials()
      .then((found) => fetchToken(ask, service, scopes, found, clock))
      .then((token) => {
        if (!isRefusal(token)) {
          scrubber.add(token.value)
          tokens.delete(key)
          tokens.set(key, token)
          if (tokens.size > MAX_TOKENS) tokens.delete(tokens.keys().next().value as string)
        }
        return token
      })
      .finally(() => fetching.delete(key))
    fetching.set(key, work)
    return work
  }

  return {
    withAccount: () => ({
      async first() {
        const found = await credentials()
        if (found === undefined) return { header: undefined }
        if (isIdentityToken(found)) return { refused: 'it does not accept the identity token' }
        return { header: basicHeader(found.username, found.password) }
      },
      next: () => Promise.resolve({ refused: INSUFFICIENT }),
    }),
    async account() {
      const found = await credentials()
      return found === undefined ? undefined : (found.username ?? 'of the identity token')
    },
    get scheme() {
      return known.scheme
    },
    async granted(scopes) {
      if (known.scheme !== 'bearer') return undefined
      const token = await fetchOnce(keyOf(known, scopes), known, uniteScopes(scopes))
      return isRefusal(token) ? undefined : grantsIn(token.value)
    },
    begin(scopes, { minLifeMs }) {
      const tried = { basic: false, freshToken: false }
      let used: 'none' | 'basic' | 'bearer' = 'none'
      let usedToken: string | undefined
      let wanted = scopes
      const heldAtStart = held

      async function bearer(service: TokenService): Promise<Step> {
        const key = keyOf(service, wanted)
        let token: Token | undefined = cached(key, minLifeMs)
        if (token?.value === usedToken) {
          tokens.delete(key)
          token = undefined
        }
        if (token === undefined) {
          tried.freshToken = true
          const fetched = await fetchOnce(key, service, uniteScopes(wanted))
          if (isRefusal(fetched)) return fetched
          token = fetched
        }
        used = 'bearer'
        usedToken = token.value
        return { header: `Bearer ${token.value}` }
      }

      async function basic(): Promise<Step> {
        tried.basic = true
        const found = await credentials()
        if (found === undefined)
          return { refused: 'it asks for an account, and none is configured' }
        if (isIdentityToken(found)) return { refused: 'it does not accept the identity token' }
        used = 'basic'
        return { header: basicHeader(found.username, found.password) }
      }

      async function afterToken(challenges: Challenge[]): Promise<Step> {
        const offersOnlyTokens =
          challenges.some((c) => c.scheme === 'bearer') &&
          !challenges.some((c) => c.scheme === 'basic')
        const found = tried.basic || offersOnlyTokens ? undefined : await credentials()
        if (found !== undefined && !isIdentityToken(found)) return basic()
        return { refused: INSUFFICIENT }
      }

      /** Credentials of a function that were kept from before may be outdated: asked for once more, and tried if they differ. */
      async function orRenewed(step: Step): Promise<Step> {
        if (!('refused' in step) || 'realm' in step) return step
        if (held === undefined || held !== heldAtStart) return step
        const before = await held.value
        held = undefined
        if (isDeepStrictEqual(await credentials(), before)) return step
        tried.basic = false
        tried.freshToken = false
        return known.scheme === 'bearer' ? bearer(known) : basic()
      }

      async function start(): Promise<Step> {
        if (known.scheme === 'bearer') return bearer(known)
        if (known.scheme === 'basic') return basic()
        return { header: undefined }
      }

      async function goOn(challenges: Challenge[]): Promise<Step> {
        const offer = challenges.find((c) => c.scheme === 'bearer' && c.parameters.has('realm'))
        if (offer !== undefined) {
          const judged = judgeRealm(host, offer.parameters.get('realm') as string)
          const offersBasic = challenges.some((c) => c.scheme === 'basic')
          if (!('refused' in judged)) {
            known = { scheme: 'bearer', ...judged, service: offer.parameters.get('service') }
            wanted = uniteScopes(scopes, parseScopes(offer.parameters.get('scope')))
          } else if (!offersBasic) {
            return { refused: judged.refused, realm: judged.shown }
          }
        }
        if (used === 'bearer' && (tried.freshToken || known.scheme !== 'bearer'))
          return afterToken(challenges)
        if (known.scheme === 'bearer' && !tried.freshToken) return bearer(known)
        if (tried.basic) {
          // Harbor has an empty challenge for a project that does not exist.
          const unclear = tried.freshToken || challenges.length === 0
          return { refused: unclear ? INSUFFICIENT : 'it does not accept the user and password' }
        }
        if (challenges.some((c) => c.scheme === 'basic')) known = { scheme: 'basic' }
        return basic()
      }

      return {
        first: async () => orRenewed(await start()),
        next: async (challenges) => orRenewed(await goOn(challenges)),
      }
    },
  }
}

/** What a token is kept under. */
function keyOf(service: TokenService, scopes: Scope[]): string {
  return [service.url.href, service.service, ...uniteScopes(scopes)].join(' ')
}
