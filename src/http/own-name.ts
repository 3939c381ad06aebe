import { isIP } from 'node:net'
import { hostname } from 'node:os'

/**
 * Ends of names that nobody can register: RFC 6761, RFC 6762, RFC 8375, ICANN's resolution of 2024 on `internal`; and `svc`,
 * which is no top-level domain and ends the shorter names of Kubernetes' services.
 */
const privateEnds = ['localhost', 'local', 'home.arpa', 'internal', 'svc']

/**
 * Whether `host`, a `Host` header, can be a name of this service and not one that somebody elsewhere has given its address,
 * to have a browser take this service for a part of his own site (DNS rebinding).
 *
 * Names of the service are every address, names without a dot (Docker's and Kubernetes' services), names of which the
 * public DNS has none (`….svc`, `….local`, `….internal`), this machine's name, `server.host` and `server.allowed_hosts`.
 * Without the header it is no browser that asks. The port does not matter: it is that of this service.
 */
export function isOwnName(
  host: string | undefined,
  server: { host: string; allowedHosts: string },
  machine: string = hostname(),
): boolean {
  if (host === undefined || host === '') return true
  const name = nameOf(host)
  if (name === undefined) return false
  if (isIP(name) !== 0 || !name.includes('.')) return true
  if (privateEnds.some((end) => name.endsWith(`.${end}`))) return true
  return [machine, server.host, ...server.allowedHosts.split(',')].some(
    (known) => known.trim().toLowerCase() === name,
  )
}

/** The name or address in `name[:port]` or `[address][:port]`, in lower case and without the dot at the end; undefined where it is neither. */
function nameOf(host: string): string | undefined {
  const [, address, name] = /^(?:\[([^\]]+)\]|([^:[\]]+?)\.?)(?::\d*)?$/.exec(host) ?? []
  if (address !== undefined) return isIP(address) === 6 ? address : undefined
  return name?.toLowerCase()
}
