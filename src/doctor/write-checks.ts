import type { Config } from '../config/schema.ts'
import { NYDUS_BLOB } from '../drivers/nydus/annotation.ts'
import { isAccelError } from '../errors/accel-error.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf } from '../oci/digest.ts'
import { encodeDocument } from '../oci/json-document.ts'
import { OCI_EMPTY, OCI_LAYER_GZIP, OCI_LAYER_ZSTD, OCI_MANIFEST } from '../oci/media-type.ts'
import type { RegistryRepository } from '../registry/repository.ts'
import type { RepositoryProbe } from '../registry/repository-probe.ts'
import { bytesFrom } from '../streams/byte-source.ts'
import { ok, warning, type Finding } from './check.ts'
import { tick } from './harbor-permission.ts'
import type { KnownRegistry } from './registry-checks.ts'
import { registryFailure } from './registry-fix.ts'

/** `artifactType` of what is pushed and removed again. */
const DOCTOR_ARTIFACT = 'application/vnd.acceleration-service.doctor.v1'

const EMPTY = new TextEncoder().encode('{}')

/** What is written, and where. */
export interface WriteInit {
  config: Config
  known: KnownRegistry
  /** First part of the repository's name. */
  project: string
  /** What the artifact says that it belongs to; without one it belongs to nothing. */
  subject: Descriptor | undefined
  signal: AbortSignal
}

/**
 * Pushes an artifact of a few bytes, without a tag, and removes it again: whether the registry takes the media types of the
 * configured formats, takes `subject`, and lists what was linked by it. Where it may not be removed, that is said.
 */
export async function writeChecks(
  at: RegistryRepository,
  probe: RepositoryProbe,
  init: WriteInit,
): Promise<Finding[]> {
  const { known, subject, signal } = init
  const types = layerTypes(init.config)
  const empty = { mediaType: OCI_EMPTY, digest: digestOf(EMPTY), size: EMPTY.length }
  try {
    await at.pushBlob(empty, (offset) => bytesFrom(EMPTY.subarray(offset)), { signal })
  } catch (error) {
    return [registryFailure(error, known)]
  }
  const plain = artifact(types, undefined)
  const linked = artifact(types, subject)
  const kinds = `manifests with ${types.join(', ')}`
  const pushed = await push(at, linked, signal)
  if (pushed === undefined) {
    return [
      ok(`it takes ${kinds}`),
      ...(subject === undefined ? [] : [await listed(probe, linked, subject, signal)]),
      ...(await remove(probe, linked, init)),
    ]
  }
  if (subject === undefined) return [registryFailure(pushed, known)]
  const unlinked = await push(at, plain, signal)
  if (unlinked !== undefined) return [registryFailure(unlinked, known)]
  const found = `it takes ${kinds}, and refuses them with subject: ${pushed.message}`
  const fix =
    'set with_referrer: false in converter.driver.config, and converter.harbor_annotation: false'
  return [warning(found, fix), ...(await remove(probe, plain, init))]
}

/** Media types of the layers that the configured drivers make. */
function layerTypes({ converter }: Config): string[] {
  const drivers = new Set(
    [converter.driver, ...converter.rules.map(({ driver }) => driver)].map(({ type }) => type),
  )
  const types = [OCI_LAYER_GZIP]
  if (drivers.has('nydus')) types.push(NYDUS_BLOB)
  if ([...drivers].some((driver) => driver.startsWith('zstd'))) types.push(OCI_LAYER_ZSTD)
  return types
}

interface Artifact {
  bytes: Uint8Array
  descriptor: Descriptor
}

/** A manifest whose config and layers are all the same two bytes. */
function artifact(types: readonly string[], subject: Descriptor | undefined): Artifact {
  const digest = digestOf(EMPTY)
  const blob = (mediaType: string): Descriptor => ({ mediaType, digest, size: EMPTY.length })
  const bytes = encodeDocument({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType: DOCTOR_ARTIFACT,
    config: blob(OCI_EMPTY),
    layers: types.map(blob),
    ...(subject === undefined
      ? {}
      : {
          subject: {
            mediaType: subject.mediaType,
            digest: subject.digest,
            size: subject.size,
          },
        }),
  })
  const descriptor = { mediaType: OCI_MANIFEST, digest: digestOf(bytes), size: bytes.length }
  return { bytes, descriptor }
}

/** Pushes it; returns why the registry refuses it, where it does. */
async function push(
  at: RegistryRepository,
  { bytes, descriptor }: Artifact,
  signal: AbortSignal,
): Promise<Error | undefined> {
  try {
    await at.pushManifest(bytes, descriptor, { signal })
    return undefined
  } catch (error) {
    if (!isAccelError(error) || signal.aborted) throw error
    return error
  }
}

async function listed(
  probe: RepositoryProbe,
  { descriptor }: Artifact,
  subject: Descriptor,
  signal: AbortSignal,
): Promise<Finding> {
  const { by, list } = await probe.referrers(subject.digest, { signal })
  if (list.some(({ digest }) => digest === descriptor.digest)) {
    return ok('it takes subject, and lists what was linked by it')
  }
  if (by === 'tag')
    return ok('it takes subject; a list under a tag sha256-… stands in for its referrers API')
  return warning(
    'it takes subject, has the referrers API, and does not list what was linked by it',
    'clients that look for a result by its source do not find it there: let them pull the tag of the result',
  )
}

async function remove(
  probe: RepositoryProbe,
  { descriptor: { digest } }: Artifact,
  { known, project, signal }: WriteInit,
): Promise<Finding[]> {
  try {
    await probe.deleteManifest(digest, { signal })
    return [ok('the artifact of this test was removed again')]
  } catch (error) {
    if (!isAccelError(error) || signal.aborted) throw error
    const found = `the artifact of this test could not be removed: ${error.message}`
    const fix =
      known.harbor === undefined
        ? `it has no tag; remove ${digest}, or leave it to the garbage collection of the registry`
        : `remove the artifact ${digest} by hand, or ${tick(known.account, project, [{ resource: 'artifact', action: 'delete' }])}`
    return [warning(found, fix)]
  }
}
