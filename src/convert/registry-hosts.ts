import { readFileSync } from 'node:fs'
import type { Config, SourceConfig } from '../config/schema.ts'
import { findSource } from '../config/source.ts'
import { AccelError } from '../errors/accel-error.ts'
import type { CredentialSource } from '../registry/credentials/credentials.ts'
import type { HostInit } from '../registry/host.ts'

/**
 * How the registries of `provider.source` are reached; hosts that are not listed there are never contacted. Without
 * `auth` the account is what `login` finds. Throws CONFIG_UNREADABLE for a certificate that cannot be read.
 */
export function registryHosts(
  config: Config,
  login: (host: string) => CredentialSource | undefined,
): (host: string) => HostInit | undefined {
  const { source } = config.provider
  const hosts = new Map(
    [...source].map(([name, settings]) => [name, hostInit(settings, login(name))]),
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
  const tokenHosts = settings.tokenHosts.split(',').map((name) => name.trim())
  init.tokenHosts = tokenHosts.filter((name) => name !== '')
  if (caFile) init.ca = pem(caFile)
  if (clientCertFile && clientKeyFile) {
    init.clientCertificate = { cert: pem(clientCertFile), key: pem(clientKeyFile) }
  }
  if (address) init.address = address
  return init
}

function pem(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const problem = (cause as NodeJS.ErrnoException).code ?? String(cause)
    throw new AccelError('CONFIG_UNREADABLE', { file, problem }, { cause })
  }
}
