import { formatSize } from '../quantity/quantity.ts'
import type { EstimateReport, FormatEstimate, Verdict } from './report.ts'

/** An image that a client has within this time is not worth a lazy pull: its mount takes as long. Seconds. */
const SOON = 1
/** Share of the ordinary pull's time that a lazy start must save. */
const WORTH_SAVING = 0.5
/** Formats whose lazy start is as good: then storage decides. */
const ALIKE = 1.1
/** A result that is smaller by so much is worth a word: all clients have something of it. */
const SHRUNK = 0.1
/** A format that stores so much less is worth a word. */
const FAR_LESS = 0.5

/** By what formats are judged. */
export type VerdictInit = Pick<EstimateReport, 'ordinary' | 'bandwidth'> & {
  /** Of the source, bytes. */
  size: number
  /** Per cent that a result may grow without a word: `converter.growth_warning`. */
  growthWarning: number
}

/** Says of one format whether it is worth it, and by what figures. */
export function formatVerdict(format: Omit<FormatEstimate, 'verdict'>, known: VerdictInit): string {
  const { ordinary, size } = known
  const { index, files, seconds } = format.lazy
  const lazy = index + files
  const starts = `a lazy client starts after ${formatSize(lazy)} instead of ${formatSize(ordinary.bytes)}`
  const times = `${formatSeconds(seconds)} instead of ${formatSeconds(ordinary.seconds)}`
  const storage =
    format.newBytes === 0
      ? 'nothing new is stored'
      : `${formatSize(format.newBytes)} are stored besides (${percent(format.newBytes / Math.max(1, size))} of the source)`
  const grown =
    format.change * 100 > known.growthWarning
      ? `; the result is ${percent(format.change)} larger than the source`
      : ''
  const shrunk =
    format.ordinary && format.change < -SHRUNK
      ? `; ordinary clients pull ${formatSize(format.size)} of it`
      : ''
  const judged = {
    yes: 'worth it',
    little: 'little to gain',
    no: `not worth it, ${formatSize(ordinary.bytes)} pull in ${formatSeconds(ordinary.seconds)}`,
  }[worthOf(format, known)]
  return `${judged}: ${starts} (${times}); ${storage}${grown}${shrunk}`
}

/** Says what is best for the image, and whether that is worth anything. */
export function imageVerdict(formats: readonly FormatEstimate[], known: VerdictInit): Verdict {
  const { ordinary, bandwidth } = known
  const pull = `an ordinary client has all ${formatSize(ordinary.bytes)} in ${formatSeconds(ordinary.seconds)} at ${formatSize(bandwidth)}/s`
  if (ordinary.seconds < SOON) return { worth: 'no', text: `not worth it: ${pull}` }
  const least = Math.min(...formats.map(lazyOf))
  const [best] = formats
    .filter((format) => lazyOf(format) <= least * ALIKE)
    .toSorted((a, b) => a.newBytes - b.newBytes)
  if (best === undefined) return { worth: 'no', text: `not worth it: ${pull}` }
  const worth = worthOf(best, known)
  const judged = worth === 'yes' ? `worth it, best as ${best.name}` : 'little to gain'
  const text = `${judged}: ${pull}; ${startText(best)}${thriftText(best, formats, known)}`
  return { worth, best: best.name, text }
}

/** Another format that is worth it and stores far less. */
function thriftText(
  best: FormatEstimate,
  formats: readonly FormatEstimate[],
  known: VerdictInit,
): string {
  const [thrifty] = formats
    .filter((format) => worthOf(format, known) === 'yes')
    .toSorted((a, b) => a.newBytes - b.newBytes)
  if (thrifty === undefined || thrifty.newBytes > best.newBytes * FAR_LESS) return ''
  return `. Where storage counts: ${startText(thrifty)}`
}

function startText(format: FormatEstimate): string {
  const { name, newBytes, lazy } = format
  const start = `${formatSize(lazyOf(format))} (${formatSeconds(lazy.seconds)})`
  return `with ${name} a container starts after ${start} and ${formatSize(newBytes)} more are stored`
}

function worthOf(
  { lazy }: Pick<FormatEstimate, 'lazy'>,
  { ordinary }: VerdictInit,
): Verdict['worth'] {
  if (ordinary.seconds < SOON) return 'no'
  return lazy.seconds <= ordinary.seconds * (1 - WORTH_SAVING) ? 'yes' : 'little'
}

function lazyOf({ lazy }: Pick<FormatEstimate, 'lazy'>): number {
  return lazy.index + lazy.files
}

/** Seconds for people: `0.2 s`, `12 s`, `3 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  return seconds < 119.5 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`
}

function percent(share: number): string {
  const digits = Math.abs(share) < 0.0995 ? 1 : 0
  return `${(share * 100).toFixed(digits)} %`
}
