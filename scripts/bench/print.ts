import { formatCount, formatSize, formatTable, threeDigits, type Column } from './table.ts'
import type { BenchResult, ImageSummary, RunSummary } from './result.ts'
import type { Spread } from './statistics.ts'

/** The result for people: the machine, whole runs, phases, and ratios where there was another converter. */
export function formatResult(result: BenchResult): string {
  const parts = [machineLines(result), runTable(result), phaseTable(result)]
  if (result.against !== undefined) parts.push(ratioTable(result))
  return parts.filter((part) => part !== '').join('\n')
}

function machineLines({ machine, driver, options, verify, against }: BenchResult): string {
  const settings = Object.entries(options).map(([key, value]) => ` ${key}=${value}`)
  const lines = [
    `${machine.processors} × ${machine.processor}, ${formatSize(machine.memory)} memory`,
    `${machine.system}, node ${machine.node}, load ${machine.load ?? 'unknown'} at the start`,
    `driver ${driver}${settings.join('')}, ${verify ? 'verified' : 'not verified'} before the push`,
  ]
  if (against !== undefined) lines.push(`against ${against}`)
  return lines.map((line) => `${line}\n`).join('')
}

const left = (title: string): Column => ({ title, align: 'left' })
const right = (title: string): Column => ({ title })

/** A row for us, one for the others, one for the floor. */
function runTable({ images }: BenchResult): string {
  const columns = [
    left('image'),
    left('who'),
    ...['runs', 'wall s', 'user s', 'sys s', 'peak MiB', 'MB/s', 'MB/cpu s'].map(right),
  ]
  const row = (first: string[], runs: number, one: RunSummary): string[] => [
    ...first,
    String(runs),
    one.wallSeconds.toFixed(2),
    one.userSeconds.toFixed(2),
    one.systemSeconds.toFixed(2),
    one.peakBytes === 0 ? '-' : (one.peakBytes / 2 ** 20).toFixed(0),
    threeDigits(one.bytesPerSecond / 1e6),
    threeDigits(one.bytesPerCpuSecond / 1e6),
  ]
  const rows = images.flatMap(({ name, ours, theirs, floor, summary }) => [
    row([name, 'ours'], ours.length, summary.ours),
    ...(summary.theirs ? [row(['', 'theirs'], theirs.length, summary.theirs)] : []),
    ...(summary.floor
      ? [
          [
            ...row(['', 'floor'], floor.length, summary.floor),
            summary.floorRatio ? `ours / floor, cpu: ${times(summary.floorRatio)}` : '',
          ],
        ]
      : []),
  ])
  return formatTable([...columns, left('')], rows)
}

/** What goes in and comes out of each phase, and how long it takes; layers are converted as they are pulled. */
function phaseTable({ images }: BenchResult): string {
  const sizes = ['in', 'tar', 'out', 'wall s', 'MB/s'].map(right)
  const rows = images.flatMap((image) => {
    const { name, layers, entries, sourceSize, uncompressedSize, summary } = image
    const { phases, ours } = summary
    if (phases === undefined) return []
    const { pullMs, convertMs, pushMs } = phases
    const [source, tar, output] = [sourceSize, uncompressedSize, ours.outputSize].map(formatSize)
    const time = (ms: number, bytes?: number): string[] => [
      (ms / 1000).toFixed(2),
      ...(bytes === undefined ? [] : [ms > 0 ? threeDigits(bytes / 1e3 / ms) : '-']),
    ]
    const holds = `${counted(layers, 'layer')}, ${formatCount(entries)} entries`
    return [
      [name, 'plan', '', '', '', ...time(pullMs)],
      ['', 'pull, convert', source, tar, output, ...time(convertMs, uncompressedSize), holds],
      ['', 'push', output, '', output, ...time(pushMs, ours.outputSize)],
    ]
  })
  if (rows.length === 0) return ''
  return formatTable([left('image'), left('phase'), ...sizes, left('')], rows)
}

function ratioTable({ images }: BenchResult): string {
  const columns = ['wall', 'cpu', 'peak', 'output'].map(right)
  const rows = images.map(({ name, summary }) => {
    const ratios: Partial<NonNullable<ImageSummary['ratios']>> = summary.ratios ?? {}
    const { wall, cpu, peak, output } = ratios
    return [name, ...[wall, cpu, peak, output].map((ratio) => (ratio ? times(ratio) : '-'))]
  })
  const head = 'ours / theirs, run by run: median (least to most)\n'
  return head + formatTable([left('image'), ...columns], rows)
}

function times({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)} to ${max.toFixed(2)})`
}

function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}
