import type {
  EstimateReport,
  FormatEstimate,
  ImageFacts,
  SkippedEstimate,
} from '../estimate/report.ts'
import { READ_SHARE } from '../estimate/start-bytes.ts'
import { formatChange, formatClock, formatSize } from '../quantity/quantity.ts'
import { tabTable } from './table.ts'

/** An estimate for people. */
export function estimateText(report: EstimateReport | SkippedEstimate): string {
  if (report.skipped !== undefined) {
    return `${report.source}: nothing would be converted: ${report.skipped}\n`
  }
  const { formats, machine, verdict, notes } = report
  return [
    `${report.source}\n`,
    ...report.images.map((image) => `  ${imageLine(image, report)}\n`),
    `  ${lookedLine(report)}\n\n`,
    tabTable([
      ['FORMAT', 'SIZE', 'CHANGE', '±', 'NEW', 'TIME', 'MEMORY', 'START', 'OF IT INDEX'],
      ...formats.map((format) => row(format, report)),
    ]),
    '\n',
    `  ${startLine(report)}\n`,
    `  ${machineLine(report)}\n`,
    `  work_dir: ${formatSize(machine.disk)} are reserved for any format${freeText(machine.diskFree)}\n\n`,
    ...formats.map(({ name, verdict: text }) => `${name}: ${text}\n`),
    ...[...(report.start.notes ?? []), ...notes].map((note) => `note: ${note}\n`),
    `\n${verdict.text}\n`,
  ].join('')
}

function row(format: FormatEstimate, { images }: EstimateReport): string[] {
  const { name, size, error, newBytes, seconds, memory, lazy } = format
  const source = size / (1 + format.change)
  return [
    name,
    formatSize(size),
    formatChange(source, size),
    images.length === 0 ? '' : `${(error * 100).toFixed(1)} %`,
    formatSize(newBytes),
    formatClock(seconds),
    formatSize(memory),
    formatSize(lazy.index + lazy.files),
    formatSize(lazy.index),
  ]
}

function imageLine(
  { platform, layers, size, uncompressedSize, files, smallFiles }: ImageFacts,
  { looked }: EstimateReport,
): string {
  const small =
    files === 0 ? '' : `, ${Math.round((smallFiles / files) * 100)} % of them below 16 KiB`
  const about = looked.bytes === looked.of ? '' : 'about '
  return `${platform}: ${count(layers, 'layer')}, ${formatSize(size)}, uncompressed ${formatSize(uncompressedSize)}, ${about}${count(files, 'file')}${small}`
}

function lookedLine({ looked: { bytes, of, seconds } }: EstimateReport): string {
  const exact =
    bytes === of ? 'all layers were' : `${formatSize(bytes)} of the layers' ${formatSize(of)} were`
  return `${exact} looked at in ${seconds.toFixed(1)} s; nothing is written`
}

function startLine({ images, start, ordinary }: EstimateReport): string {
  const { kind, bytes, files = 0, missing = [] } = start
  const basis = {
    share: `${(READ_SHARE * 100).toFixed(1)} % of the data are read, as images do on average (Slacker, FAST '16)`,
    'start set': `${count(files, 'file')} are read: the program, its libraries, and what these need; what it reads by itself only a --trace tells`,
    trace: `${count(files, 'file')} of the trace are read${missing.length === 0 ? '' : `; ${missing.length} more were not found in what was looked at`}`,
  }[kind]
  return `START: what a lazy client pulls before a container${images.length > 1 ? ` of ${images[0]!.platform}` : ''} runs, where ${basis} (${formatSize(bytes)} uncompressed); an ordinary one pulls ${formatSize(ordinary.bytes)}`
}

function machineLine({ machine }: EstimateReport): string {
  const { processors, threads, layers, pullRate } = machine
  const rate = pullRate === undefined ? '' : `, ${formatSize(pullRate)}/s from the source`
  return `TIME: ${count(processors, 'processor')} with nothing else to do, ${threads} to compress, ${layers} layers at a time${rate}`
}

function freeText(free: number | undefined): string {
  return free === undefined ? '' : `, ${formatSize(free)} are free`
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`
}
