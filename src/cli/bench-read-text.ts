import type { ImageReport, ReadReport } from '../bench-read/report.ts'
import { formatSize } from '../quantity/quantity.ts'
import { tabTable } from './table.ts'

/** The report for people: what was read and how, a table with a line for each image, and what to know of them. */
export function readReportText(report: ReadReport): string {
  const { images } = report
  const notes = new Map<string, string[]>()
  for (const { notes: all, format } of images) {
    for (const note of all) notes.set(note, [...(notes.get(note) ?? []), format])
  }
  const lines = [
    ...report.trace.notes,
    ...missing(images),
    ...[...notes].map(([note, formats]) => `${[...new Set(formats)].join(', ')}: ${note}`),
  ]
  const how = `${whatIsRead(report)}, one after the other; ${howItIsReached(report)}`
  const table = tabTable([HEAD, ...images.map(row)])
  return [
    `${how}\n\n`,
    table,
    ...(lines.length > 0 ? ['\n'] : []),
    ...lines.map((line) => `${line}\n`),
  ].join('')
}

const HEAD = [
  'FORMAT',
  'REQUESTS',
  'BYTES',
  'OF IMAGE',
  'OPEN',
  'FIRST FILE',
  'LAST BYTE',
  'READ P50',
  'READ P95',
  'IMAGE',
]

function row(image: ImageReport): string[] {
  return [
    image.format,
    String(image.requests),
    formatSize(image.bytes),
    `${(image.share * 100).toFixed(1)} %`,
    formatMs(image.open.ms),
    formatMs(image.firstFileMs),
    formatMs(image.lastByteMs),
    image.readP95Ms > 0 ? formatMs(image.readP50Ms) : '-',
    image.readP95Ms > 0 ? formatMs(image.readP95Ms) : '-',
    image.image,
  ]
}

/** A short time: `3.2 ms`, `320 ms`, `12.3 s`. */
function formatMs(ms: number): string {
  if (ms >= 9_999.5) return `${(ms / 1000).toFixed(1)} s`
  return ms >= 99.95 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`
}

function whatIsRead({ trace }: ReadReport): string {
  const counts = [...new Set(Object.values(trace.reads))].join(' or ')
  const from = trace.file === undefined ? 'that the image says it starts with' : `of ${trace.file}`
  return `${counts} reads ${from}`
}

function howItIsReached({ latencyMs, bytesPerSecond, runs }: ReadReport): string {
  const added = [
    ...(latencyMs > 0 ? [`${latencyMs} ms waited before each request`] : []),
    ...(bytesPerSecond === undefined ? [] : [`${formatSize(bytesPerSecond)} in a second at most`]),
  ]
  const link = added.length === 0 ? 'nothing added to the connection' : added.join(', ')
  return runs === 1 ? link : `${link}; medians of ${runs} runs`
}

function missing(images: readonly ImageReport[]): string[] {
  const most = Math.max(0, ...images.map((image) => image.missing))
  return most === 0 ? [] : [`${most} reads are of paths that are no files in the image`]
}
