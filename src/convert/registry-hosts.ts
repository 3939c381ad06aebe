import type { Config, SourceConfig } from '../config/schema.ts'
import { findSource } from '../config/source.ts'
import { readTextFile } from '../config/text-file.ts'
import { environment } from '../config/environment.ts'
import {
  createRegistryClient,
  type RegistryClient,
  type RegistryClientComponents,
} from '../registry/client.ts'
import type { CredentialSource } from '../registry/credentials/credentials.ts'
import { createDockerCredentials, dockerConfigPath } from '../registry/credentials/docker-config.ts'
import type { HostInit } from '../registry/host.ts'
import type { TimesInit } from '../registry/transport.ts'
import type { RetryInit } from '../network/retry.ts'

/** How a client presents itself, and what it takes from the environment. */
export interface ConfiguredRegistryInit {
  userAgent?: string
  /** Where the docker configuration is looked for: `DOCKER_CONFIG`, `HOME`. @default the process's environment */
  environment?: { DOCKER_CONFIG?: string | undefined; HOME?: string | undefined }
  /** @default as for conversions, which are patient */
  times?: TimesInit
  /** @default the same */
  retry?: RetryInit
}

/** The client of all registries of a configuration, with the logins of docker. Throws CONFIG_UNREADABLE. */
export function configuredRegistry(
  config: Config,
  components: RegistryClientComponents,
  init: ConfiguredRegistryInit = {},
): RegistryClient {
  const path = dockerConfigPath(init.environment ?? environment)
  const login = path === undefined ? () => undefined : createDockerCredentials({ path })
  return createRegistryClient(components, {
    ...(init.userAgent === undefined ? {} : { userAgent: init.userAgent }),
    ...(init.times === undefined ? {} : { times: init.times }),
    ...(init.retry === undefined ? {} : { retry: init.retry }),
    hosts: registryHosts(config, login),
  })
}

/**
 * How the registries of `provider.source` are reached; hosts that are not listed there are never contacted. Without
 * `auth` the account is what `login` finds. Throws CONFIG_UNREADABLE for a certificate that cannot be read.
 */
export function registryHosts(
  config: Config,
  login: (host: string) => CredentialSource | undefined,
): (host: string) => HostInit | undefined {
  const { source, foreignHosts } = config.provider
  const foreign = listOf(foreignHosts)
  const allowed = foreign.length === 0 ? undefined : [...foreign, ...source.keys()]
  const hosts = new Map(
    [...source].map(([name, settings]): [string, HostInit] => [
      name,
      { ...hostInit(settings, login(name)), foreignHosts: allowed },
    ]),
  )
  return (host) => hosts.get(findSource(config, host)?.name ?? '')
}

function hostInit(settings: SourceConfig, login: CredentialSource | undefined): HostInit {
  const { auth, insecure, plainHttp, caFile, clientCertFile, clientKeyFile, address } = settings
  const init: HostInit = {
    insecure,
    maxConnections: settings.maxConnections,
    credentials: auth ? auth : login,
  }
  if (plainHttp !== undefined) init.plainHttp = plainHttp
  init.tokenHosts = listOf(settings.tokenHosts)
  if (caFile) init.ca = readTextFile(caFile)
  if (clientCertFile && clientKeyFile) {
    init.clientCertificate = {
      cert: readTextFile(clientCertFile),
      key: readTextFile(clientKeyFile),
    }
  }
  if (address) init.address = address
  return init
}

function listOf(text: string): string[] {
  const names = text.split(',').map((name) => name.trim())
  return names.filter((name) => name !== '')
}
