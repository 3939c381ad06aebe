import { statfs } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { openSource } from '../convert/ends.ts'
import { configuredRegistry, type ConfiguredRegistryInit } from '../convert/registry-hosts.ts'
import { imagesOf, loadSource } from '../convert/source-image.ts'
import type { Config } from '../config/schema.ts'
import { silentLog } from '../log/silent-log.ts'
import type { PlatformFilter } from '../oci/platform.ts'
import type { RegistryClientComponents } from '../registry/client.ts'
import { createThreadPool, poolSize } from '../threads/pool.ts'
import type { Trace } from '../trace/trace.ts'
import { buildReport } from './build-report.ts'
import { existingResults } from './existing-results.ts'
import { estimatedFormat } from './format.ts'
import type { FormatName } from './format-name.ts'
import { findKnownResults } from './known-results.ts'
import { measureLayers } from './measure-layers.ts'
import { startOf } from './start-basis.ts'
import type { EstimateReport, SkippedEstimate } from './report.ts'

/** What is estimated, and how thoroughly. */
export interface EstimateRequest {
  /** A reference, or `oci:PATH[:TAG]` and the other forms that are converted. */
  source: string
  formats: readonly FormatName[]
  /** Which images of an index; empty: all. */
  platforms: PlatformFilter
  /** Bytes that are pulled of all layers together; `full`: all of them. */
  sample: number | 'full'
  /** What a container reads at its start. */
  trace?: Trace
  /** Bytes a second that clients get from the registry. */
  bandwidth: number
  /** From the start of the process to now, in milliseconds: as much as a conversion takes to begin. @default 0 */
  startMs?: number
  signal: AbortSignal
}

/** Layers that are looked at at a time. */
const MAX_LAYERS = 4

/**
 * Says what a conversion would cost and bring. Manifests and configs are read; of the layers a part is pulled, decoded and
 * made in each format by the drivers' own code, and nothing of that is kept: nothing is written anywhere. Memory: for each of
 * four layers at a time its part of the sample (`full`: none), slabs of each format, and what is known of each file.
 *
 * Throws REFERENCE_…, REGISTRY_…, CONTENT_…, IMAGE_…, FORMAT_…, DRIVER_…, LAYOUT_….
 */
export async function estimate(
  request: EstimateRequest,
  config: Config,
  components: RegistryClientComponents,
  init: ConfiguredRegistryInit,
): Promise<EstimateReport | SkippedEstimate> {
  const { signal, platforms } = request
  const formats = request.formats.map((format) => estimatedFormat(format, config))
  await using stack = new AsyncDisposableStack()
  const registry = configuredRegistry(config, components, init)
  stack.defer(() => registry.close())
  const { transport, tag, name, reference } = await openSource(request.source, registry)
  const root = await transport.resolve(tag, { signal })
  const loaded = await loadSource(transport, root, { platforms, signal })
  if (loaded.skipped !== undefined) {
    return { source: name, sourceDigest: root.digest, skipped: loaded.skipped }
  }
  const images = imagesOf(loaded.root)
  const { threads, layers, rules, verify, growthWarning } = config.converter
  const place = reference && {
    reference,
    repository: registry.repository(reference, { side: 'cache' }),
  }
  const suffixes = rules.map(({ tagSuffix }) => tagSuffix)
  const existing =
    place && existingResults(place.repository, reference, root.digest, { suffixes, signal })
  const notes = (await existing) ?? []
  const log = components.log ?? silentLog
  const known = await findKnownResults({ images, formats, config, place, log, signal })
  const layerThreads = Math.min(MAX_LAYERS, availableParallelism())
  const pool = stack.use(createThreadPool({ batchThreads: 1, layerThreads }))
  const begin = performance.now()
  const measured = await measureLayers(transport, images, pool, {
    formats,
    sample: request.sample,
    listed: request.trace !== undefined,
    signal,
    onLayer: (done, of) => {
      if (request.sample === 'full') log.info(`${done} of ${of} layers were looked at`)
    },
  })
  const ms = performance.now() - begin
  const size = poolSize({
    ...(threads > 0 ? { batchThreads: threads } : {}),
    ...(layers > 0 ? { layerThreads: layers } : {}),
  })
  const { startMs = 0, bandwidth } = request
  return buildReport({
    source: name,
    sourceDigest: root.digest,
    images,
    formats,
    measured: { ...measured, ms },
    known,
    start: await startOf(images[0]!, measured.layers, request.trace),
    full: request.sample === 'full',
    machine: { ...size, processors: availableParallelism(), startMs, verify },
    diskFree: await freeSpace(config.provider.workDir),
    sameRegistry: reference !== undefined,
    bandwidth,
    growthWarning,
    notes,
  })
}

/** Bytes that are free where `path` is; undefined where it is not there. */
async function freeSpace(path: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  } catch {
    return undefined
  }
}
