import type { buildConnector, Dispatcher } from 'undici'
import { tls } from '../network/tls.ts'
import { undici } from '../network/undici.ts'
import { foreignLookup } from './foreign-host.ts'
import type { Host } from './host.ts'

/** The connections to one registry and to where it sends us. */
export interface Connections {
  /** To the registry itself: its address, its client certificate. */
  own: Dispatcher
  /** To token services and storage: the same trust, no client certificate. */
  foreign: Dispatcher
  close(): Promise<void>
}

/** An idle connection is closed after this many milliseconds, before the 60 s at which most proxies do. */
const KEEP_ALIVE_MS = 30_000

/** Opens nothing yet; connections are made as requests need them and kept alive. */
export function createConnections(host: Host, connectTimeoutMs: number): Connections {
  const { init } = host
  const { Agent, buildConnector, Pool } = undici()
  const trust = {
    timeout: connectTimeoutMs,
    rejectUnauthorized: init.insecure !== true,
    ...(init.ca === undefined ? {} : { ca: [...tls().getCACertificates('default'), init.ca] }),
    // HTTP/2 shares one connection, and with it one congestion window, among all blobs; registries gain nothing from it.
    allowH2: false,
  }
  const options = { keepAliveTimeout: KEEP_ALIVE_MS, allowH2: false }
  const own = new Pool(host.origin, { ...options, connect: ownConnector(host, trust) })
  const foreign = new Agent({
    ...options,
    connect: buildConnector({ ...trust, lookup: foreignLookup(host) }),
  })
  return {
    own,
    foreign,
    async close() {
      await Promise.all([own.destroy(), foreign.destroy()])
    },
  }
}

function ownConnector(host: Host, trust: buildConnector.BuildOptions): buildConnector.connector {
  const { clientCertificate, address } = host.init
  const connect = undici().buildConnector({
    ...trust,
    ...(clientCertificate === undefined
      ? {}
      : { cert: clientCertificate.cert, key: clientCertificate.key }),
    // With another address, the certificate must still be that of the registry's name.
    ...(address === undefined
      ? {}
      : {
          checkServerIdentity: (_: string, certificate) =>
            tls().checkServerIdentity(host.hostname, certificate),
        }),
  })
  if (address === undefined) return connect
  const target = new URL(`${host.secure ? 'https' : 'http'}://${address}`)
  const hostname = target.hostname.replace(/^\[(.*)\]$/, '$1')
  return (options, callback) => connect({ ...options, hostname, port: target.port }, callback)
}
