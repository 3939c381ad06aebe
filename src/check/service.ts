import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../config/schema.ts'
import { configuredRegistry, type ConfiguredRegistryInit } from '../convert/registry-hosts.ts'
import { AccelError } from '../errors/accel-error.ts'
import { isLayoutLocation, openLayoutSource } from '../layout/location.ts'
import { formatReference, parseReference } from '../oci/reference.ts'
import type { RegistryClient, RegistryClientComponents } from '../registry/client.ts'
import { openWorkDirectory } from '../store/work-directory.ts'
import { createThreadPool } from '../threads/pool.ts'
import type { RangedSource } from '../transport/image-transport.ts'
import { checkImages, type CheckedEnd, type CheckInit } from './check-image.ts'
import type { CheckReport } from './report.ts'

export interface CheckRequest extends CheckInit {
  /** The original: a reference, `oci:PATH[:TAG]` or the like. */
  source: string
  /** What was made of it. */
  target: string
}

export interface CheckServiceInit extends ConfiguredRegistryInit {
  /** Needed for references: registries that it does not list are never contacted. Its `work_dir` is used. */
  config?: Config | undefined
}

/** Checks a converted image against its source. Throws CHECK_…, REFERENCE_…, REGISTRY_…, CONTENT_…, IMAGE_…, FORMAT_…, STORE_…. */
export async function check(
  { source, target, ...init }: CheckRequest,
  components: RegistryClientComponents,
  { config, ...registryInit }: CheckServiceInit,
): Promise<CheckReport> {
  await using stack = new AsyncDisposableStack()
  const registry = config && configuredRegistry(config, components, registryInit)
  stack.defer(async () => registry?.close())
  const workDir = config?.provider.workDir ?? join(tmpdir(), 'accelctl-check')
  const work = stack.use(await openWorkDirectory(workDir))
  const threads = stack.use(createThreadPool())
  return await checkImages(
    await openEnd(source, registry, 'source', init.signal),
    await openEnd(target, registry, 'target', init.signal),
    { threads, work },
    init,
  )
}

async function openEnd(
  text: string,
  registry: RegistryClient | undefined,
  side: 'source' | 'target',
  signal: AbortSignal,
): Promise<CheckedEnd<RangedSource>> {
  if (isLayoutLocation(text)) {
    const { source, tag } = await openLayoutSource(text)
    return { transport: source, name: text, root: await source.resolve(tag, { signal }) }
  }
  const reference = parseReference(text)
  if (registry === undefined) throw new AccelError('CONFIG_ARGUMENT_MISSING', { name: '--config' })
  const transport = registry.repository(reference, { side })
  const root = await transport.resolve(reference.digest ?? reference.tag ?? 'latest', { signal })
  const probe = registry.probe(reference)
  return { transport, name: formatReference(reference), root, probe }
}
