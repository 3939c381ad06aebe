import { refuseForeign } from './foreign-host.ts'
import { hostnameOf, isLoopback, type Host } from './host.ts'
import { redactUrl } from '../network/redact.ts'

/** Redirects followed for one request. */
export const MAX_REDIRECTS = 5

const redirects = new Set([301, 302, 303, 307, 308])

/** Whether the status sends elsewhere. */
export function isRedirect(status: number): boolean {
  return redirects.has(status)
}

/** Where to go next: its URL, or why we do not go. */
export type Hop = { url: URL } | { refused: string; shown: string }

/**
 * Judges the `location` with which `from` redirects a GET or HEAD for `host`, to storage as a rule. Refused: other schemes,
 * a user in the URL, TLS given up (unless both ends are this machine), and what `refuseForeign` refuses.
 */
export function judgeRedirect(host: Host, from: URL, location: string | undefined): Hop {
  const url = location === undefined ? null : URL.parse(location, from.href)
  if (url === null) return { refused: 'that is not a URL', shown: 'an unreadable address' }
  const shown = redactUrl(url)
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return { refused: 'only http and https are followed', shown }
  if (url.username !== '' || url.password !== '') return { refused: 'it holds a user', shown }
  url.hash = ''
  const target = hostnameOf(url.host)
  const fromHere = isLoopback(hostnameOf(from.host))
  if (from.protocol === 'https:' && url.protocol === 'http:' && !(fromHere && isLoopback(target))) {
    return { refused: 'it gives up TLS', shown }
  }
  const refused = url.origin === host.origin ? undefined : refuseForeign(host, url)
  return refused === undefined ? { url } : { refused, shown }
}

/**
 * The URL of an upload's next step. The registry's own host, whatever scheme and port it says, is asked at the origin of the
 * request before: behind a proxy many registries do not know their own. Another host is returned as it is, for the caller
 * to find its settings. Source: OCI distribution-spec, "Pushing blobs": Location is absolute or relative and used as is.
 */
export function uploadLocation(from: URL, location: string | undefined): Hop {
  const url = location === undefined || location === '' ? null : URL.parse(location, from.href)
  if (url === null) return { refused: 'that is not a URL', shown: 'an unreadable address' }
  const shown = redactUrl(url)
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return { refused: 'only http and https are followed', shown }
  if (url.username !== '' || url.password !== '') return { refused: 'it holds a user', shown }
  url.hash = ''
  if (hostnameOf(url.host) === hostnameOf(from.host))
    return { url: new URL(url.pathname + url.search, from.origin) }
  return { url }
}
