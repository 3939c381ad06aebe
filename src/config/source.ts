import type { Config, SourceConfig } from './schema.ts'

/** Names of Docker Hub: what references say, what older logins say, and where its registry is. */
const dockerHub = ['docker.io', 'index.docker.io', 'registry-1.docker.io']

/** Hosts of this machine, which are spoken to without TLS. */
const loopback = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/

/**
 * The section of `provider.source` for `host` (of a reference, port included), and its name there. The exact name
 * comes first, then the name with or without the standard port, then another name of Docker Hub. Upper and lower
 * case are the same. Undefined when the host is not configured.
 */
export function findSource(
  config: Config,
  host: string,
): { name: string; source: SourceConfig } | undefined {
  const wanted = spellings(host)
  for (const spelling of wanted) {
    for (const [name, source] of config.provider.source) {
      const own = name.toLowerCase()
      const standard = (source.plainHttp ?? loopback.test(own)) ? ':80' : ':443'
      if (
        own === spelling ||
        own === `${spelling}${standard}` ||
        `${own}${standard}` === spelling
      ) {
        return { name, source }
      }
    }
  }
  return undefined
}

function spellings(host: string): string[] {
  const own = host.toLowerCase()
  return dockerHub.includes(own) ? [own, ...dockerHub] : [own]
}
