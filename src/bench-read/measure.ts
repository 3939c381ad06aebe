import type { TargetImage } from '../check/target-image.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { WorkDirectory } from '../store/work-directory.ts'
import type { ThreadPool } from '../threads/pool.ts'
import type { Trace } from '../trace/trace.ts'
import { openLayeredImage } from './layered-image.ts'
import { Link, type LinkInit, type Stopwatch } from './link.ts'
import { MeteredRepository, type ReadableRepository, type Traffic } from './metered-repository.ts'
import { isNydus, openNydusImage } from './nydus-image.ts'
import type { ImageFacts, OpenedImage } from './opened-image.ts'
import { replay, type Replay } from './replay.ts'
import type { StageReport } from './report.ts'

/** An image that is measured, and where it is. */
export interface MeasuredImage {
  repository: ReadableRepository
  /** What a client is told: a tag or digest. */
  name: string
  /** What that names: an index or the image itself. */
  root: Descriptor
  image: TargetImage
}

export interface MeasureInit {
  threads: ThreadPool
  work: WorkDirectory
  stopwatch: Stopwatch
  link: LinkInit
  /** Layers at a time. @default what each reader has */
  concurrency: number | undefined
  signal: AbortSignal
}

/** One run over one image. */
export interface Measurement extends Replay {
  open: StageReport
  prefetch: StageReport
  reads: StageReport
  /** From the first request on. */
  firstFileMs: number
  lastByteMs: number
  facts: ImageFacts
}

/** Opens an image with empty caches and reads a trace from it. */
export async function measure(
  measured: MeasuredImage,
  trace: Trace,
  init: MeasureInit,
): Promise<Measurement> {
  const { stopwatch, signal } = init
  return withImage(measured, init, async (opened, repository, open) => {
    const prefetch = await stage(repository, stopwatch, () => opened.prefetch())
    const reads = await stage(repository, stopwatch, () => replay(opened, trace, stopwatch, signal))
    const end = stopwatch.now()
    return {
      ...reads.result,
      facts: opened.facts,
      open: open.report,
      prefetch: prefetch.report,
      reads: reads.report,
      firstFileMs: (reads.result.firstFileAt ?? end) - open.start,
      lastByteMs: end - open.start,
    }
  })
}

/** Opens an image, with empty caches, for as long as `use` takes. */
export async function withImage<Result>(
  { repository, name, root, image }: MeasuredImage,
  { link, stopwatch, ...init }: MeasureInit,
  use: (
    opened: OpenedImage,
    repository: MeteredRepository,
    open: { report: StageReport; start: number },
  ) => Promise<Result>,
): Promise<Result> {
  await using stack = new AsyncDisposableStack()
  const metered = new MeteredRepository(repository, new Link(stopwatch, link), init.signal)
  const start = stopwatch.now()
  const { report, result } = await stage(metered, stopwatch, async () => {
    await metered.resolve(name)
    if (root.digest !== image.descriptor.digest) await metered.manifest(root)
    await metered.manifest(image.descriptor)
    await metered.document(image.manifest.config, `${image.what} config`)
    const parts = { ...init, repository: metered, stack }
    return isNydus(image) ? openNydusImage(image, parts) : openLayeredImage(image, parts)
  })
  return await use(result, metered, { report, start })
}

async function stage<Result>(
  repository: MeteredRepository,
  stopwatch: Stopwatch,
  run: () => Promise<Result>,
): Promise<{ report: StageReport; result: Result }> {
  const before = repository.traffic
  const start = stopwatch.now()
  const result = await run()
  const traffic = difference(repository.traffic, before)
  return { report: { ...traffic, ms: stopwatch.now() - start }, result }
}

function difference(after: Traffic, before: Traffic): Traffic {
  return { requests: after.requests - before.requests, bytes: after.bytes - before.bytes }
}
