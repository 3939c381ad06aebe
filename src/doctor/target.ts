import type { Config } from '../config/schema.ts'
import { findSource } from '../config/source.ts'
import { AccelError } from '../errors/accel-error.ts'
import type { Digest } from '../oci/digest.ts'
import { parseReference } from '../oci/reference.ts'

/** What of a registry is to be tested besides the registry itself. */
export interface Target {
  /** As the configuration names it. */
  host: string
  /** A repository, or, in a Harbor, a project; absent for the registry alone. */
  path?: string
  tag?: string
  digest?: Digest
}

/**
 * Reads `REGISTRY`, `REGISTRY/PROJECT` or a reference. Throws REFERENCE_INVALID; REGISTRY_HOST_NOT_CONFIGURED, since no
 * other host is ever contacted.
 */
export function readTarget(text: string, config: Config): Target {
  const bare = text.replace(/\/+$/, '')
  const registry = bare.includes('/') ? undefined : findSource(config, bare)
  if (registry !== undefined) return { host: registry.name }
  const { host, repository, tag, digest } = parseReference(bare)
  const found = findSource(config, host)
  if (found === undefined) {
    throw new AccelError('REGISTRY_HOST_NOT_CONFIGURED', { what: text, host })
  }
  return {
    host: found.name,
    path: repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  }
}
