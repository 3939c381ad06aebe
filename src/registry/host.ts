import { isIP } from 'node:net'
import type { CredentialSource, Credentials } from './credentials/credentials.ts'

/** How one registry is reached and who we are there. */
export interface HostInit {
  /** The account: as it is, or a function asked when it is needed. Default: none, anonymous. */
  credentials?: Credentials | CredentialSource | undefined
  /** Accept any TLS certificate, of this registry and of the storage it redirects to. It does not turn TLS off. @default false */
  insecure?: boolean | undefined
  /**
   * Speak HTTP without TLS, or (`false`) never do. There is no fallback from one to the other, so a slow handshake
   * cannot expose credentials. @default true for loopback hosts without `ca` and `clientCertificate`, else false
   */
  plainHttp?: boolean | undefined
  /** PEM certificates of authorities trusted besides the system's. */
  ca?: string | undefined
  /** PEM certificate and key with which we identify ourselves, to this registry alone. */
  clientCertificate?: { cert: string; key: string } | undefined
  /** `host[:port]` to which connections are really made; name checks, `Host` and realms keep the reference's host. */
  address?: string | undefined
  /** Hosts (`host[:port]`) besides the registry's own to which its credentials may be sent for a token. */
  tokenHosts?: readonly string[] | undefined
  /** Patterns, `host[:port]` or `*.domain[:port]`, of hosts to which the registry may send us. @default any that is not this machine */
  foreignHosts?: readonly string[] | undefined
  /** Blobs pulled at once, blobs pushed at once, and other requests at once; each of the three. @default 8 */
  maxConnections?: number | undefined
}

/** A configured registry, worked out. */
export interface Host {
  /** As in references, lower case. */
  readonly name: string
  /** Scheme and authority of its API. */
  readonly origin: string
  /** Host name of the API, without port. */
  readonly hostname: string
  readonly secure: boolean
  /** Whether who answers has proved to be the registry: TLS, and its certificate was checked. */
  readonly verified: boolean
  readonly loopback: boolean
  readonly init: HostInit
}

/** Docker Hub's references say `docker.io`, its API is here. */
const DOCKER_HUB_API = 'registry-1.docker.io'

/** Works out how the registry `name`, a reference's host, is reached. */
export function resolveHost(name: string, init: HostInit): Host {
  const authority = name === 'docker.io' || name === 'index.docker.io' ? DOCKER_HUB_API : name
  const hostname = hostnameOf(authority)
  const loopback = isLoopback(hostname)
  const tlsMeant = init.ca !== undefined || init.clientCertificate !== undefined
  const plain = init.plainHttp ?? (loopback && !tlsMeant)
  return {
    name,
    // By way of URL, so that a default port is left out and addresses have one spelling.
    origin: new URL(`${plain ? 'http' : 'https'}://${authority}`).origin,
    hostname,
    secure: !plain,
    verified: !plain && init.insecure !== true,
    loopback,
    init,
  }
}

/**
 * The settings of a reference's host: those under its name as written, else those under the name with its default port
 * left out or added, where they mean that port.
 */
export function findSettings(
  hosts: (host: string) => HostInit | undefined,
  host: string,
): HostInit | undefined {
  const name = host.toLowerCase()
  const exact = hosts(name)
  if (exact !== undefined) return exact
  const port = /:(\d+)$/.exec(name)?.[1]
  const aliases: [string, string][] =
    port === undefined
      ? [
          ['443', `${name}:443`],
          ['80', `${name}:80`],
        ]
      : [[port, name.slice(0, -port.length - 1)]]
  for (const [meant, alias] of aliases) {
    if (meant !== '443' && meant !== '80') continue
    const found = hosts(alias)
    if (found !== undefined && resolveHost(alias, found).secure === (meant === '443')) return found
  }
  return undefined
}

/** The host name in `host[:port]`, lower case, brackets of IPv6 taken off. */
export function hostnameOf(authority: string): string {
  const name = authority.toLowerCase().replace(/:\d+$/, '')
  return name.replace(/^\[(.*)\]$/, '$1')
}

/** Whether a host name, or bare address, is this machine's own: localhost and below, 127.0.0.0/8, ::1. */
export function isLoopback(hostname: string): boolean {
  if (hostname === 'localhost' || hostname.endsWith('.localhost')) return true
  return isIP(hostname) === 4 ? hostname.startsWith('127.') : isIPv6Loopback(hostname)
}

function isIPv6Loopback(hostname: string): boolean {
  if (isIP(hostname) !== 6) return false
  const canonical = new URL(`http://[${hostname}]`).hostname
  return canonical === '[::1]' || canonical.startsWith('[::ffff:7f')
}
