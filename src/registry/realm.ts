import { refuseForeign } from './foreign-host.ts'
import { hostnameOf, isLoopback, type Host } from './host.ts'
import { redactUrl } from '../network/redact.ts'

/** Where a token is asked for: at the registry's own origin, or at another host. */
export type Realm = { own: boolean; url: URL } | { refused: string; shown: string }

/**
 * Whether the registry's credentials may be sent to the `realm` it names, and where that is:
 *
 * 1. The registry's own host, default ports being equal: asked at the registry's own origin, whatever scheme the realm
 *    has, since a registry behind a proxy often does not know its own.
 * 2. The registry's host on another port, or another loopback host where the registry is one: with TLS, or without where
 *    the registry has none either.
 * 3. A host listed in `tokenHosts`: the same.
 * 4. Any other host: only with TLS, and only when the challenge came over a verified TLS connection, so that nobody
 *    on the way can have written it, and only where `refuseForeign` does not refuse it. Docker Hub's auth.docker.io is
 *    of this kind.
 */
export function judgeRealm(host: Host, realm: string): Realm {
  const url = URL.parse(realm, host.origin)
  if (url === null) return { refused: 'that is not a URL', shown: 'an unreadable address' }
  const shown = redactUrl(url)
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return { refused: 'only http and https are followed', shown }
  if (url.username !== '' || url.password !== '') return { refused: 'it holds a user', shown }
  url.hash = ''
  const origin = new URL(host.origin)
  const realmHost = hostnameOf(url.host)
  const sameHost = realmHost === host.hostname || realmHost === hostnameOf(host.name)
  if (sameHost && url.port === origin.port) {
    return { own: true, url: new URL(url.pathname + url.search, origin) }
  }
  const known = sameHost || (host.loopback && isLoopback(realmHost)) || isListed(host, url)
  if (known) {
    if (url.protocol === 'https:' || !host.secure) return { own: false, url }
    return { refused: 'it is plain HTTP while the registry has TLS', shown }
  }
  if (url.protocol !== 'https:') return { refused: 'it is another host, without TLS', shown }
  if (!host.verified) {
    return {
      refused: 'it is another host, and the registry’s own identity was not verified',
      shown,
    }
  }
  const refused = refuseForeign(host, url)
  return refused === undefined ? { own: false, url } : { refused, shown }
}

function isListed(host: Host, url: URL): boolean {
  const names = (host.init.tokenHosts ?? []).map((name) => name.toLowerCase())
  return (
    names.includes(url.host) || names.includes(`${url.hostname}:${url.port || defaultPort(url)}`)
  )
}

function defaultPort(url: URL): string {
  return url.protocol === 'https:' ? '443' : '80'
}
