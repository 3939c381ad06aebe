import { createHash, timingSafeEqual } from 'node:crypto'
import type { Config } from '../config/schema.ts'
import { findSource } from '../config/source.ts'
import { AccelError } from '../errors/accel-error.ts'
import { isOwnName } from './own-name.ts'

/** Who sent a request, as far as it can be told. */
export interface Caller {
  /** The `Authorization` header, to the letter. */
  authorization: string | undefined
  /** The request came over the Unix domain socket, which only those can open whom its owner lets. */
  local: boolean
  /** The `Host` header. */
  host: string | undefined
}

/** What a caller may do. */
export interface Grant {
  /** The one registry for which the caller may speak; undefined where that is none, several or all. */
  readonly registry: string | undefined
  /**
   * Throws HTTP_UNAUTHORIZED when the caller may not use the registry `host`, HTTP_HOST_UNKNOWN when it is not configured,
   * HTTP_NAME_REFUSED when it may be a browser that was led astray.
   */
  requireHost(host: string): void
  /** Throws HTTP_UNAUTHORIZED, HTTP_NAME_REFUSED when the caller may not use any registry, and so not see anything either. */
  requireAny(): void
  /** Whether the caller may use `host`, and so see tasks of it. */
  allows(host: string): boolean
  /** The registries whose tasks the caller sees, by their names in the configuration: all (undefined), or of `host` alone. */
  registries(host: string | undefined): readonly string[] | undefined
}

/** Decides what callers may do. */
export interface Guard {
  grant(caller: Caller): Grant
}

/**
 * The rules, in one place:
 *
 * - `server.api_token`, alone or behind `Bearer `, allows everything.
 * - A header that is the `webhook.auth_header` of a registry, to the letter, allows that registry.
 * - Any other header allows nothing, and where a registry has an `auth_header`, so does no header.
 * - Without a header, the Unix domain socket allows everything, and `server.allow_unauthenticated` the registries
 *   that have no `auth_header`; but only where the service is addressed by a name of its own, see `isOwnName`.
 *
 * A caller who is allowed nothing is not told which registries are configured. `config` may be one that is read again.
 */
export function createGuard(config: Config): Guard {
  let { server, provider } = config
  let guard = guardOf(config)
  return {
    grant(caller) {
      if (server !== config.server || provider !== config.provider) {
        ;({ server, provider } = config)
        guard = guardOf(config)
      }
      return guard.grant(caller)
    },
  }
}

function guardOf(config: Config): Guard {
  const { apiToken, allowUnauthenticated } = config.server
  const tokens = apiToken === '' ? [] : [fingerprint(apiToken), fingerprint(`Bearer ${apiToken}`)]
  const sources = [...config.provider.source].map(([name, source]) => {
    const { authHeader } = source.webhook
    return { name, header: authHeader === '' ? undefined : fingerprint(authHeader) }
  })
  return {
    grant({ authorization, local, host }) {
      if (authorization === undefined || authorization === '') {
        if (allowUnauthenticated && !local && !isOwnName(host, config.server)) {
          const refusal = new AccelError('HTTP_NAME_REFUSED', { name: host ?? '' })
          return grantOf(config, { all: false, names: [], nothing: true, refusal })
        }
        const open = sources.filter(({ header }) => header === undefined)
        const names = allowUnauthenticated ? open.map(({ name }) => name) : []
        return grantOf(config, { all: local, names, nothing: !local && !allowUnauthenticated })
      }
      const given = fingerprint(authorization)
      // every comparison is made, so that the time tells nothing of which one was right
      const all = tokens.filter((token) => timingSafeEqual(token, given)).length > 0
      const names = sources
        .filter(({ header }) => header !== undefined && timingSafeEqual(header, given))
        .map(({ name }) => name)
      return grantOf(config, { all, names, nothing: !all && names.length === 0 })
    },
  }
}

function grantOf(
  config: Config,
  allowed: { all: boolean; names: readonly string[]; nothing: boolean; refusal?: AccelError },
): Grant {
  const { all, names, nothing, refusal } = allowed
  const unauthorized = (host: string): AccelError =>
    refusal ??
    new AccelError('HTTP_UNAUTHORIZED', { host, problem: 'no or another Authorization header' })
  const mayUse = (name: string): boolean => all || names.includes(name)
  return {
    registry: names.length === 1 ? names[0] : undefined,
    requireHost(host) {
      if (nothing) throw unauthorized(host)
      const found = findSource(config, host)
      if (found === undefined) throw new AccelError('HTTP_HOST_UNKNOWN', { host })
      if (!mayUse(found.name)) throw unauthorized(host)
    },
    requireAny() {
      if (nothing) throw unauthorized('')
    },
    allows(host) {
      const found = findSource(config, host)
      return found === undefined ? all : mayUse(found.name)
    },
    registries(host) {
      if (host === undefined) return all ? undefined : names
      const name = findSource(config, host)?.name ?? host
      return mayUse(name) ? [name] : []
    },
  }
}

/** Same length for every text, so that two can be compared in constant time. */
function fingerprint(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
