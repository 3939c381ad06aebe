import type { Config } from '../config/schema.ts'
import { configuredRegistry, type ConfiguredRegistryInit } from '../convert/registry-hosts.ts'
import { AccelError } from '../errors/accel-error.ts'
import { isDigest } from '../oci/digest.ts'
import { platformWanted, type PlatformFilter } from '../oci/platform.ts'
import { parseReference } from '../oci/reference.ts'
import type { RegistryClientComponents } from '../registry/client.ts'
import { openWorkDirectory } from '../store/work-directory.ts'
import { createThreadPool } from '../threads/pool.ts'
import { benchRead, type BenchReadInit } from './bench-read.ts'
import { processStopwatch } from './link.ts'
import type { MeasuredImage } from './measure.ts'
import type { ReadReport } from './report.ts'
import { findVariants, loadImages } from './variants.ts'

export interface BenchReadRequest extends Omit<BenchReadInit, 'threads' | 'work' | 'stopwatch'> {
  /** An image and what was made of it; of one alone the others are looked for beside it. */
  references: readonly string[]
  platforms: PlatformFilter
}

/**
 * Measures reading images of registries. Registries that `config` does not list are never contacted; its `work_dir` is
 * used. Throws REFERENCE_…, and what `benchRead` throws.
 */
export async function benchReadService(
  { references, platforms, ...init }: BenchReadRequest,
  components: RegistryClientComponents,
  { config, ...registryInit }: ConfiguredRegistryInit & { config: Config },
): Promise<ReadReport> {
  await using stack = new AsyncDisposableStack()
  const registry = configuredRegistry(config, components, registryInit)
  stack.defer(() => registry.close())
  const work = stack.use(await openWorkDirectory(config.provider.workDir))
  const threads = stack.use(createThreadPool())
  const images: MeasuredImage[] = []
  for (const text of references) {
    const reference = parseReference(text)
    const repository = registry.repository(reference, { side: 'source' })
    const name = reference.digest ?? reference.tag ?? 'latest'
    const named = await loadImages(repository, name, init.signal)
    images.push(...named)
    if (references.length > 1) continue
    init.onStep(`looking for what was made of ${text}`)
    const { signal } = init
    const around = { repository, probe: registry.probe(reference), signal }
    images.push(...(await findVariants(around, isDigest(name) ? undefined : name, named)))
  }
  const wanted = images.filter(({ image }) => platformWanted(platforms, image.platform))
  if (wanted.length === 0) {
    const image = references.join(', ')
    throw new AccelError('BENCH_UNREADABLE', { image, why: 'it has no image for this platform' })
  }
  return await benchRead(wanted, { ...init, work, threads, stopwatch: processStopwatch })
}
