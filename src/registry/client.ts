import { AccelError } from '../errors/accel-error.ts'
import type { Side } from '../errors/row.ts'
import { isHost, isRepository } from '../oci/reference.ts'
import type { UploadInit } from './blob-push.ts'
import { systemClock, type Clock } from '../network/clock.ts'
import { single } from '../network/exchange.ts'
import type { LoginScheme } from './authorizer.ts'
import { findSettings, resolveHost, type HostInit } from './host.ts'
import { silentLog, type Log } from '../log/log.ts'
import type { Redaction } from '../log/redaction.ts'
import { harborApi, type HarborApi } from './harbor-api.ts'
import { listRepositories } from './listing.ts'
import type { ListInit } from './pages.ts'
import { createRepositoryAccess, type RepositoryAccess } from './repository-access.ts'
import { createRepositoryProbe, type RepositoryProbe } from './repository-probe.ts'
import { createRepository, type RegistryRepository } from './repository.ts'
import type { RetryInit } from '../network/retry.ts'
import { createTransport, type TimesInit, type Transport } from './transport.ts'

/** Collaborators of `createRegistryClient`. */
export interface RegistryClientComponents {
  /** @default nobody is told */
  log?: Log
  /** Is told the secrets of accounts, before they are used, so that no log shows them. @default nobody is told */
  redaction?: Pick<Redaction, 'add'>
  /** @default the machine's */
  clock?: Clock
}

/** Settings of `createRegistryClient`. */
export interface RegistryClientInit {
  /**
   * How the registry of a reference's host is reached; undefined: never. Asked once for each host, by its name in lower
   * case as references have it, then with the default port left out or added.
   */
  hosts: (host: string) => HostInit | undefined
  /** @default 'acceleration-service' */
  userAgent?: string
  times?: TimesInit
  retry?: RetryInit
  upload?: UploadInit
}

/** Where a repository is: a Reference, or its two parts. */
export interface RepositoryName {
  host: string
  repository: string
}

/** How a registry answered. */
export interface Greeting {
  /** How it wanted to know who we are; `none`: it did not. */
  login: LoginScheme
  /**
   * The name of our account there, whether or not it was asked for; undefined without one. Looked up when called, which may
   * start a credential helper. Throws REGISTRY_CREDENTIALS.
   */
  account(): Promise<string | undefined>
  /** By its clock, in milliseconds since 1970, to the second; absent where it does not tell. */
  time?: number
  /** With TLS. */
  secure: boolean
}

/** The client of all configured registries. Logins, tokens and connections are shared among all that use it. */
export interface RegistryClient {
  /**
   * A repository; nothing is asked yet. `side` is named in its errors.
   * Throws REGISTRY_HOST_NOT_CONFIGURED, REFERENCE_INVALID.
   */
  repository(name: RepositoryName, init?: { side?: Side }): RegistryRepository
  /** Whether the registry answers and accepts our account: GET /v2/. Throws REGISTRY_…. */
  check(host: string, init?: { signal?: AbortSignal }): Promise<Greeting>
  /** What can be found out about a repository. Throws REGISTRY_HOST_NOT_CONFIGURED, REFERENCE_INVALID. */
  probe(name: RepositoryName): RepositoryProbe
  /** The repositories that a registry lists to our account. Throws REGISTRY_…. */
  repositories(host: string, init?: ListInit): AsyncGenerator<string>
  /** Harbor's own API at a host. Throws REGISTRY_HOST_NOT_CONFIGURED. */
  harbor(host: string): HarborApi
  /** Closes all connections; what runs ends in an error. */
  close(): Promise<void>
}

/** Makes the client; connections are made when they are needed. */
export function createRegistryClient(
  components: RegistryClientComponents,
  init: RegistryClientInit,
): RegistryClient {
  const { log = silentLog, redaction = { add() {} }, clock = systemClock } = components
  const { userAgent = 'acceleration-service', times = {}, retry = {}, upload = {} } = init
  const transports = new Map<string, Transport>()

  function transportOf(host: string): Transport | undefined {
    const name = host.toLowerCase()
    const known = transports.get(name)
    if (known !== undefined) return known
    const settings = findSettings(init.hosts, name)
    if (settings === undefined) return undefined
    const transport = createTransport({ log, redaction, clock }, resolveHost(name, settings), {
      userAgent,
      times,
      retry,
    })
    transports.set(name, transport)
    return transport
  }

  function configured(host: string, what: string): Transport {
    if (!isHost(host))
      throw new AccelError('REFERENCE_INVALID', { text: host, problem: 'it is not a host' })
    const transport = transportOf(host)
    if (transport === undefined)
      throw new AccelError('REGISTRY_HOST_NOT_CONFIGURED', { what, host })
    return transport
  }

  function accessTo(
    { host, repository }: RepositoryName,
    side: Side | undefined,
  ): RepositoryAccess {
    if (!isRepository(repository)) {
      throw new AccelError('REFERENCE_INVALID', {
        text: repository,
        problem: 'it is not a repository name',
      })
    }
    const transport = configured(host, `${host}/${repository}`)
    return createRepositoryAccess(
      { transport, log, clock, retry, elsewhere: transportOf },
      { host, repository, side },
    )
  }

  return {
    repository: (name, { side } = {}) => createRepository(accessTo(name, side), upload),
    probe: (name) => createRepositoryProbe(accessTo(name, undefined)),
    async check(host, { signal } = {}) {
      const transport = configured(host, host)
      const answer = await transport.send({
        method: 'GET',
        target: '/v2/',
        what: `the registry ${host}`,
        scopes: [],
        expect: [200],
        signal,
      })
      await answer.discard()
      const time = Date.parse(single(answer.headers['date']) ?? '')
      const { login, host: reached } = transport
      return {
        login: login.scheme,
        secure: reached.secure,
        account: () => login.account(),
        ...(Number.isNaN(time) ? {} : { time }),
      }
    },
    repositories: (host, listInit = {}) => listRepositories(configured(host, host), listInit),
    harbor: (host) => harborApi(configured(host, host)),
    async close() {
      await Promise.all([...transports.values()].map((transport) => transport.close()))
      transports.clear()
    },
  }
}
