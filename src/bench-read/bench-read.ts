import { formatPlatform } from '../oci/platform.ts'
import { startSet } from '../trace/start-set.ts'
import type { Trace } from '../trace/trace.ts'
import { tocFormat } from './layered-image.ts'
import {
  measure,
  withImage,
  type MeasuredImage,
  type Measurement,
  type MeasureInit,
} from './measure.ts'
import { isNydus } from './nydus-image.ts'
import { readPart } from './opened-image.ts'
import { quantile } from './replay.ts'
import { SameContents } from './same-contents.ts'
import type { ImageReport, ReadReport, StageReport } from './report.ts'

export interface BenchReadInit extends MeasureInit {
  /** What is read; absent: what the image says that it starts. */
  trace?: { file: string; trace: Trace }
  /** Each with empty caches. */
  runs: number
  /** Told what is being done, in a few words. */
  onStep(text: string): void
}

/**
 * Reads a trace from images as the readers of their formats do, and tells what it took. Images of one platform must
 * have the same content. Throws BENCH_CONTENT_DIFFERS, BENCH_UNREADABLE, REGISTRY_…, CONTENT_…, FORMAT_…, STORE_….
 */
export async function benchRead(
  images: readonly MeasuredImage[],
  init: BenchReadInit,
): Promise<ReadReport> {
  const { runs, link, trace } = init
  const report: ReadReport = {
    trace: { reads: {}, notes: [], ...(trace === undefined ? {} : { file: trace.file }) },
    latencyMs: link.latencyMs ?? 0,
    ...(link.bytesPerSecond === undefined ? {} : { bytesPerSecond: link.bytesPerSecond }),
    runs,
    images: [],
  }
  for (const [platform, group] of byPlatform(images)) {
    const set = trace ?? (await foundTrace(group, init))
    report.trace.reads[platform] = set.trace.length
    report.trace.notes.push(...('notes' in set ? set.notes : []))
    const contents = new SameContents(set.trace)
    for (const measured of group) {
      const done: Measurement[] = []
      for (let run = 1; run <= runs; run++) {
        init.onStep(`reading ${measured.image.what}${runs > 1 ? `, run ${run} of ${runs}` : ''}`)
        done.push(await measure(measured, set.trace, init))
      }
      contents.check(measured.image.what, done[0]!)
      report.images.push(imageReport(measured, platform, done))
    }
  }
  return report
}

function byPlatform(images: readonly MeasuredImage[]): Map<string, MeasuredImage[]> {
  return Map.groupBy(images, ({ image }) => formatPlatform(image.platform))
}

/** What an image says that it starts, by the first of several that can be looked into. */
async function foundTrace(
  group: readonly MeasuredImage[],
  init: BenchReadInit,
): Promise<{ trace: Trace; notes: string[] }> {
  const unhurried = { ...init, link: {} }
  for (const measured of group) {
    if (!isLazy(measured)) continue
    init.onStep(`finding out what ${measured.image.what} reads to start`)
    return withImage(measured, unhurried, (opened) =>
      startSet(measured.image.config, {
        entry: (path) => opened.entry(path),
        children: (path) => opened.children(path),
        read: (path, offset, length) => readPart(opened, path, offset, length),
      }),
    )
  }
  const notes = ['no image is read lazily: nothing is replayed']
  return { trace: [], notes }
}

/** Whether all files can be read one by one: looking into other images would pull them. */
function isLazy({ image }: MeasuredImage): boolean {
  const { layers } = image.manifest
  return isNydus(image) || layers.every((layer) => tocFormat(layer) !== undefined)
}

function imageReport(
  { image, root }: MeasuredImage,
  platform: string,
  runs: readonly Measurement[],
): ImageReport {
  const median = (value: (run: Measurement) => number): number => quantile(runs.map(value), 0.5)
  const stage = (name: 'open' | 'prefetch' | 'reads'): StageReport => ({
    requests: median((run) => run[name].requests),
    bytes: median((run) => run[name].bytes),
    ms: rounded(median((run) => run[name].ms)),
  })
  const [open, prefetch, reads] = [stage('open'), stage('prefetch'), stage('reads')]
  const { facts, missing } = runs[0]!
  const { descriptor, manifest } = image
  const documents =
    root.digest === descriptor.digest ? descriptor.size : descriptor.size + root.size
  const size = facts.size + manifest.config.size + documents
  const bytes = open.bytes + prefetch.bytes + reads.bytes
  return {
    image: image.what,
    digest: image.descriptor.digest,
    platform,
    ...facts,
    size,
    requests: open.requests + prefetch.requests + reads.requests,
    bytes,
    share: bytes / size,
    firstFileMs: rounded(median((run) => run.firstFileMs)),
    lastByteMs: rounded(median((run) => run.lastByteMs)),
    readP50Ms: rounded(median(({ times }) => quantile(times, 0.5))),
    readP95Ms: rounded(median(({ times }) => quantile(times, 0.95))),
    open,
    prefetch,
    reads,
    missing,
  }
}

/** To hundredths of a millisecond. */
function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}
