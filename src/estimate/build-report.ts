import { diskNeed } from '../convert/disk-need.ts'
import type { SourceImage } from '../convert/source-image.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { formatPlatform } from '../oci/platform.ts'
import type { PoolSize } from '../threads/pool.ts'
import { conversionMemory } from './conversion-memory.ts'
import { conversionSeconds } from './conversion-time.ts'
import { formatError } from './estimate-error.ts'
import type { EstimatedFormat } from './format.ts'
import { sizeInFormat } from './image-size.ts'
import type { LayerEstimate } from './layer-estimate.ts'
import { withKnown, type KnownResult, type KnownResults } from './known-results.ts'
import type { MeasuredLayers } from './measure-layers.ts'
import type { EstimateReport, FormatEstimate, ImageFacts } from './report.ts'
import type { Start } from './start-basis.ts'
import { lazyBytes } from './start-bytes.ts'
import { formatVerdict, imageVerdict, type VerdictInit } from './verdict.ts'

/** All that an estimate is made of. */
export interface ReportInit {
  source: string
  sourceDigest: Digest
  images: readonly SourceImage[]
  formats: readonly EstimatedFormat[]
  measured: MeasuredLayers & { ms: number }
  /** What a container of the first image reads. */
  start: Start
  /** What was converted before. */
  known: KnownResults
  full: boolean
  machine: PoolSize & { processors: number; startMs: number; verify: boolean }
  diskFree: number | undefined
  /** The result goes where the source is, so layers of the source are there already. */
  sameRegistry: boolean
  /** Bytes a second. */
  bandwidth: number
  /** Per cent. */
  growthWarning: number
  /** What else should be known, in sentences. */
  notes: readonly string[]
}

/** A source comes so fast, in bytes a second, that what is less cannot be told from the time that requests take. */
const LEAST_PULLED = 1024 * 1024

/** Reckons what is expected from what was measured. */
export function buildReport(init: ReportInit): EstimateReport {
  const { images, measured, bandwidth, machine } = init
  const { layers, pulled } = measured
  const sources = blobsOf(images)
  const stored = sum([...sources.values()])
  const pullRate =
    pulled.bytes < LEAST_PULLED ? undefined : (pulled.bytes * 1000) / Math.max(1, pulled.ms)
  const first = images[0]!
  const ordinary = ordinaryPull(first, layers, bandwidth)
  const known: VerdictInit = {
    ordinary,
    bandwidth,
    size: stored,
    growthWarning: init.growthWarning,
  }
  const formats = init.formats.map((format): FormatEstimate => {
    const one = estimateFormat(format, init, { stored, pullRate })
    return { ...one, verdict: formatVerdict(one, known) }
  })
  const { batchThreads, layerThreads, processors } = machine
  return {
    source: init.source,
    sourceDigest: init.sourceDigest,
    looked: {
      bytes: sum([...layers.values()].map(({ seen }) => seen)),
      of: sum([...layers.values()].map(({ descriptor }) => descriptor.size)),
      full: init.full,
      seconds: measured.ms / 1000,
    },
    images: images.map((image) => imageFacts(image, layers)),
    start: init.start.basis,
    bandwidth,
    ordinary,
    machine: {
      processors,
      threads: batchThreads,
      layers: layerThreads,
      ...(pullRate === undefined ? {} : { pullRate }),
      disk: diskNeed(images),
      ...(init.diskFree === undefined ? {} : { diskFree: init.diskFree }),
    },
    formats,
    verdict: imageVerdict(formats, known),
    notes: [...init.notes, ...notesOf(init), ...knownNotes(formats, layers.size)],
  }
}

function estimateFormat(
  format: EstimatedFormat,
  { images, measured, start, known, machine, sameRegistry, bandwidth }: ReportInit,
  found: { stored: number; pullRate: number | undefined },
): Omit<FormatEstimate, 'verdict'> {
  const { name, readers, ordinary } = format
  const results = known.get(name) ?? new Map<Digest, KnownResult>()
  const layers = withKnown(measured.layers, name, results)
  const all = [...layers.values()]
  const unknown = all.filter(({ descriptor }) => !results.has(descriptor.digest))
  const placed = [...results.values()].filter((result) => result.placed)
  const { made, kept } = sizeInFormat(images, layers, name)
  const size = made + kept
  const lazy = lazyBytes(images[0]!, layers, format, start.need)
  const { batchThreads: threads, layerThreads, slabBytes } = machine
  return {
    name,
    size,
    error: formatError(all, name),
    change: found.stored === 0 ? 0 : size / found.stored - 1,
    newBytes: Math.max(0, (sameRegistry ? made : size) - sum(placed.map((result) => result.size))),
    knownLayers: results.size,
    seconds: conversionSeconds(unknown, name, {
      ...machine,
      threads,
      layers: layerThreads,
      pullRate: found.pullRate,
    }),
    memory: conversionMemory(
      format,
      { threads, layers: layerThreads, slabBytes, verify: machine.verify },
      { layers: all.length, files: sum(all.map(({ entries }) => entries)) },
    ),
    lazy: { ...lazy, seconds: (lazy.index + lazy.files) / bandwidth },
    readers,
    ordinary,
  }
}

/** What a client does that pulls an image as a whole, one layer after the other unpacked; writing to its disk is left out. */
function ordinaryPull(
  image: SourceImage,
  layers: ReadonlyMap<Digest, LayerEstimate>,
  bandwidth: number,
): { bytes: number; seconds: number } {
  const bytes = sum([...blobsOf([image]).values()])
  const unpackMs = sum(image.manifest.layers.map(({ digest }) => layers.get(digest)?.decodeMs ?? 0))
  return { bytes, seconds: bytes / bandwidth + unpackMs / 1000 }
}

function imageFacts(image: SourceImage, layers: ReadonlyMap<Digest, LayerEstimate>): ImageFacts {
  const own = image.manifest.layers.flatMap(({ digest }) => layers.get(digest) ?? [])
  const of = (key: 'tar' | 'entries' | 'files' | 'smallFiles'): number =>
    sum(own.map((layer) => layer[key]))
  return {
    platform: formatPlatform(image.platform),
    digest: image.descriptor.digest,
    layers: image.manifest.layers.length,
    size: sum([...blobsOf([image]).values()]),
    uncompressedSize: of('tar'),
    entries: of('entries'),
    files: of('files'),
    smallFiles: of('smallFiles'),
  }
}

function notesOf({ measured, formats, images }: ReportInit): string[] {
  const notes: string[] = []
  for (const [i, layer] of [...measured.layers.values()].entries()) {
    if (layer.unsuitable !== undefined) {
      notes.push(
        `layer ${i + 1} (${layer.descriptor.digest}) cannot stay where it is with oci_ref and gets a Nydus blob: ${layer.unsuitable}`,
      )
    }
    for (const [format, { kept }] of layer.made) {
      if (kept !== undefined)
        notes.push(
          `layer ${i + 1} (${layer.descriptor.digest}) stays as it is in ${format} and is pulled as a whole: ${kept}`,
        )
    }
  }
  const foreign =
    [...blobsOf(images).keys()].length -
    measured.layers.size -
    new Set(images.map(({ manifest }) => manifest.config.digest)).size
  if (foreign > 0) notes.push(`${foreign} layers lie outside of the registry and stay there`)
  const dictionary = formats.some(({ configured }) => configured.prepare !== undefined)
  if (dictionary) notes.push('what chunk_dict_ref saves is not reckoned')
  return notes
}

function knownNotes(formats: readonly FormatEstimate[], layers: number): string[] {
  return formats
    .filter(({ knownLayers }) => knownLayers > 0)
    .map(({ name, knownLayers }) => {
      return `${name}: ${knownLayers} of ${layers} layers were converted before and need no work`
    })
}

/** Config and layers of images with their sizes, each once. */
function blobsOf(images: readonly SourceImage[]): Map<Digest, number> {
  const all = images.flatMap(({ manifest }): Descriptor[] => [manifest.config, ...manifest.layers])
  return new Map(all.map(({ digest, size }) => [digest, size]))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}
