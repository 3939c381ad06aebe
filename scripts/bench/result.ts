import type { MachineFacts } from './machine.ts'
import { cpuSeconds, type Measurement } from './measured-run.ts'
import { median, ratioOf, type Spread } from './statistics.ts'

/** One run of a converter. */
export interface ConversionRun extends Measurement {
  /** Bytes of the layers that it pushed, as stored; 0 when it pushed none. */
  outputSize: number
  /** What our own converter reports. */
  phases?: Phases
}

/**
 * Milliseconds of wall clock. `pull` is of manifests and configs alone; layers are pulled while they are converted.
 */
export interface Phases {
  pullMs: number
  convertMs: number
  pushMs: number
  totalMs: number
}

/** Everything that was measured of one image. Sizes are bytes. */
export interface ImageResult {
  name: string
  layers: number
  entries: number
  /** Of the layers, as stored. */
  sourceSize: number
  /** Of the tars. */
  uncompressedSize: number
  ours: ConversionRun[]
  theirs: ConversionRun[]
  floor: Measurement[]
}

/** What the benchmark found; printed as it is by `--json`. */
export interface BenchResult {
  machine: MachineFacts
  driver: string
  options: Record<string, string>
  verify: boolean
  against?: string
  images: (ImageResult & { summary: ImageSummary })[]
}

/** The middle of several runs. */
export interface RunSummary {
  wallSeconds: number
  userSeconds: number
  systemSeconds: number
  cpuSeconds: number
  peakBytes: number
  /** Bytes of tar in a second of wall clock. */
  bytesPerSecond: number
  /** Bytes of tar in a second of processor time. */
  bytesPerCpuSecond: number
}

export interface ImageSummary {
  ours: RunSummary & { outputSize: number }
  theirs?: RunSummary & { outputSize: number }
  phases?: Phases
  floor?: RunSummary
  /** Ours divided by theirs, run by run. */
  ratios?: Record<'wall' | 'cpu' | 'peak' | 'output', Spread | undefined>
  /** Our processor time divided by that of the floor, run by run. */
  floorRatio?: Spread
}

/** Medians and ratios of one image. */
export function summaryOf(image: ImageResult): ImageSummary {
  const { ours, theirs, floor, uncompressedSize } = image
  const output = (runs: readonly ConversionRun[]): number =>
    median(runs.map((run) => run.outputSize))
  const summary: ImageSummary = {
    ours: { ...runSummary(ours, uncompressedSize), outputSize: output(ours) },
  }
  const phases = ours.flatMap((run) => run.phases ?? [])
  if (phases.length > 0) summary.phases = phasesOf(phases)
  if (floor.length > 0) {
    summary.floor = runSummary(floor, uncompressedSize)
    const ratio = ratioOf(ours.map(cpuSeconds), floor.map(cpuSeconds))
    if (ratio !== undefined) summary.floorRatio = ratio
  }
  if (theirs.length > 0) {
    summary.theirs = { ...runSummary(theirs, uncompressedSize), outputSize: output(theirs) }
    const by = (value: (run: ConversionRun) => number): Spread | undefined =>
      ratioOf(ours.map(value), theirs.map(value))
    summary.ratios = {
      wall: by((run) => run.wallSeconds),
      cpu: by(cpuSeconds),
      peak: by((run) => run.peakBytes),
      output: by((run) => run.outputSize),
    }
  }
  return summary
}

function runSummary(runs: readonly Measurement[], uncompressedSize: number): RunSummary {
  const middle = (value: (run: Measurement) => number): number => median(runs.map(value))
  const wallSeconds = middle((run) => run.wallSeconds)
  const cpu = middle(cpuSeconds)
  return {
    wallSeconds,
    userSeconds: middle((run) => run.userSeconds),
    systemSeconds: middle((run) => run.systemSeconds),
    cpuSeconds: cpu,
    peakBytes: middle((run) => run.peakBytes),
    bytesPerSecond: uncompressedSize / wallSeconds,
    bytesPerCpuSecond: uncompressedSize / cpu,
  }
}

function phasesOf(phases: readonly Phases[]): Phases {
  const middle = (key: keyof Phases): number => median(phases.map((phase) => phase[key]))
  return {
    pullMs: middle('pullMs'),
    convertMs: middle('convertMs'),
    pushMs: middle('pushMs'),
    totalMs: middle('totalMs'),
  }
}
