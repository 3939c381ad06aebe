import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pushBuilt } from '../../src/testing/image-builder.ts'
import type { BenchArguments, BenchImage } from './arguments.ts'
import { conversionCommand, parseReport, uncompressedSize } from './conversion.ts'
import { cpuSeconds, measuredRun, type Measurement } from './measured-run.ts'
import { TAG } from './registry.ts'
import type { ConversionRun, ImageResult } from './result.ts'
import { alternating } from './statistics.ts'
import type { BenchPlace } from './place.ts'
import { packImage } from './synthetic-image.ts'
import { formatSize } from './table.ts'

/** What measuring needs. */
export interface Bench extends BenchPlace {
  wanted: BenchArguments
}

const FLOOR = join(import.meta.dirname, 'floor.ts')

/** Measures one image: our runs, alternating with the others', each after a run of the floor. `repository` is its own. */
export async function measureImage(
  bench: Bench,
  image: BenchImage,
  repository: string,
): Promise<ImageResult> {
  const { registry, wanted, signal, say } = bench
  await provide(bench, image, repository)
  const layers = await registry.layers(repository, TAG, { signal })
  const result: ImageResult = {
    name: image.name,
    layers: layers.length,
    entries: 0,
    sourceSize: layers.reduce((sum, { size }) => sum + size, 0),
    uncompressedSize: 0,
    ours: [],
    theirs: [],
    floor: [],
  }
  const order =
    wanted.against === undefined
      ? Array.from({ length: wanted.runs }, () => 'ours' as const)
      : alternating('ours' as const, 'theirs' as const, wanted.runs)
  for (const [i, side] of order.entries()) {
    if (wanted.floor && side === 'ours') {
      const paths = layers.map((layer) => registry.blobPath(layer))
      const run = await measuredRun(floorCommand(wanted, paths), { signal })
      result.floor.push(measurementOf(run))
    }
    const own = `${repository}-run-${i}`
    await registry.stage(repository, own, { signal })
    const run =
      side === 'ours' ? await runOurs(bench, own, result) : await runTheirs(bench, own, wanted)
    result[side].push(run)
    say(
      `${image.name}: ${side} ${run.wallSeconds.toFixed(2)} s wall, ` +
        `${cpuSeconds(run).toFixed(2)} s cpu, ${formatSize(run.outputSize)} out`,
    )
  }
  return result
}

/** Brings the image into the registry. */
export async function provide(
  { registry, signal, say, folder }: BenchPlace,
  image: BenchImage,
  repository: string,
): Promise<void> {
  if ('reference' in image) {
    say(`${image.name}: fetching it`)
    await registry.fetch(image.reference, repository, { signal })
    return
  }
  say(`${image.name}: making it`)
  const directory = await folder()
  const packed = await packImage(image.definition, directory, { signal })
  await pushBuilt(packed.image, registry.repository(repository), { tag: TAG })
  await rm(directory, { recursive: true })
}

async function runOurs(
  bench: Bench,
  repository: string,
  result: ImageResult,
): Promise<ConversionRun> {
  const { registry, wanted, signal } = bench
  const directory = await bench.folder()
  const { host } = registry
  const { driver, options, verify, program } = wanted
  const image = `${host}/${repository}:${TAG}`
  const command = await conversionCommand(image, {
    directory,
    host,
    driver,
    options,
    verify,
    program,
  })
  const run = await measuredRun(command, { signal })
  await rm(directory, { recursive: true })
  const report = parseReport(run.stdout)
  if (report.skipped !== undefined) throw new Error(`${result.name}: ${report.skipped}`)
  result.uncompressedSize = uncompressedSize(report)
  result.entries = report.images
    .flatMap(({ layers }) => layers)
    .reduce((sum, { entries = 0 }) => sum + entries, 0)
  return {
    ...measurementOf(run),
    outputSize: await outputSize(bench, repository),
    phases: report.timings,
  }
}

async function runTheirs(
  bench: Bench,
  repository: string,
  wanted: BenchArguments,
): Promise<ConversionRun> {
  const { registry, signal } = bench
  const command = (wanted.against ?? '').replaceAll('{}', `${registry.host}/${repository}:${TAG}`)
  const run = await measuredRun(['bash', '-c', command], { signal })
  return { ...measurementOf(run), outputSize: await outputSize(bench, repository) }
}

/** The layers of all that was pushed to the repository, each once. */
async function outputSize({ registry, signal }: Bench, repository: string): Promise<number> {
  const tags = await registry.pushedTags(repository, { signal })
  const layers = await Promise.all(tags.map((tag) => registry.layers(repository, tag, { signal })))
  const distinct = new Map(layers.flat().map(({ digest, size }) => [digest, size]))
  return [...distinct.values()].reduce((sum, size) => sum + size, 0)
}

/** eStargz is made of gzip members; the other formats compress with zstd unless an option says otherwise. */
function floorCommand({ driver, options }: BenchArguments, paths: string[]): string[] {
  const gzip = driver === 'estargz' && options['compression'] !== 'zstdchunked'
  const format = gzip ? 'gzip' : 'zstd'
  const level = options['compression_level'] ?? 'default'
  return [process.execPath, FLOOR, format, level, ...paths]
}

function measurementOf(run: Measurement): Measurement {
  const { wallSeconds, userSeconds, systemSeconds, peakBytes } = run
  return { wallSeconds, userSeconds, systemSeconds, peakBytes }
}
