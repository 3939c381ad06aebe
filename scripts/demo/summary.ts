import type { WireTask } from '../../src/api/contract.ts'
import { formatCount, formatDuration, formatSize, formatTable } from '../bench/table.ts'
import type { Traffic } from './traffic.ts'

/** Bytes in a second of the link for which times are worked out: 100 Mbit/s. */
const LINK = 12_500_000

/** The table at the end: what a full pull moved, and what the lazy read moved. */
export function trafficTable(full: Traffic, lazy: Traffic): string {
  const overLink = ({ bytes, ms }: Traffic): number => ms + (bytes / LINK) * 1000
  const rows = [
    ['bytes moved', formatSize(full.bytes), formatSize(lazy.bytes), times(full.bytes, lazy.bytes)],
    ['requests', formatCount(full.requests), formatCount(lazy.requests)],
    [
      'time, measured here',
      formatDuration(full.ms),
      formatDuration(lazy.ms),
      times(full.ms, lazy.ms),
    ],
    [
      'time, at 100 Mbit/s',
      formatDuration(overLink(full)),
      formatDuration(overLink(lazy)),
      `${times(overLink(full), overLink(lazy))}, worked out`,
    ],
  ]
  const columns = [
    { title: 'to read one file', align: 'left' as const },
    { title: 'full pull' },
    { title: 'lazy read' },
    { title: '', align: 'left' as const },
  ]
  return formatTable(columns, rows)
}

/** What the daemon's own list says of the conversion. */
export function conversionTable(task: WireTask): string {
  const at = (time: string | undefined): number => Date.parse(time ?? task.created)
  const growth = (task.target_size / task.source_size - 1) * 100
  const rows = [
    ['result', task.target ?? ''],
    ['size of the original', formatSize(task.source_size)],
    ['size of the result', `${formatSize(task.target_size)} (${signed(growth)} %)`],
    ['waited', formatDuration(at(task.started) - at(task.created))],
    ['took', formatDuration(at(task.finished) - at(task.started))],
  ]
  const columns = [
    { title: 'the conversion, as acceld lists it', align: 'left' as const },
    { title: '', align: 'left' as const },
  ]
  return formatTable(columns, rows)
}

function times(more: number, less: number): string {
  const ratio = more / less
  return ratio >= 1 ? `${ratio.toFixed(ratio < 10 ? 1 : 0)} times less` : ''
}

function signed(value: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(1)}`
}
