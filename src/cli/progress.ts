import type { ConversionEvent, LayerProgress } from '../convert/events.ts'
import { formatBar, formatClock, formatSize } from '../quantity/quantity.ts'

/** How many milliseconds back the rate looks: short enough to follow a change, long enough to be read. */
const RATE_WINDOW_MS = 8_000

/** States in the order in which they are worth a line when there is no room for all. */
const urgency: Record<LayerProgress['state'], number> = {
  converting: 0,
  pushing: 0,
  waiting: 1,
  converted: 2,
  pushed: 3,
  kept: 3,
}

/** What is known of one conversion while it runs, and how it looks as lines of text. */
export interface ProgressView {
  take(event: ConversionEvent): void
  /** The lines at this moment; at most `rows`, none wider than `columns`. Empty before the first layer and after the end. */
  lines(size: { columns: number; rows: number }): string[]
}

/** A view of one conversion. `now` is a clock in milliseconds. */
export function createProgressView(now: () => number): ProgressView {
  const started = now()
  const layers = new Map<string, LayerProgress>()
  const samples: { at: number; bytes: number }[] = []
  let doing = ''
  let ended = false
  const total = (): number => [...layers.values()].reduce((sum, layer) => sum + moved(layer), 0)
  return {
    take(event) {
      if (event.type === 'pulling' || event.type === 'converting' || event.type === 'pushing') {
        doing = `${event.type} ${event.image}`
      }
      if (event.type === 'done' || event.type === 'skipped') ended = true
      if (event.type !== 'layer') return
      const { platform, index } = event.layer
      layers.set(`${platform} ${index}`, event.layer)
      const at = now()
      samples.push({ at, bytes: total() })
      while ((samples[0]?.at ?? at) < at - RATE_WINDOW_MS) samples.shift()
    },
    lines({ columns, rows }) {
      if (ended || layers.size === 0 || rows < 3) return []
      const all = [...layers.values()].toSorted(byPlace)
      const room = rows - 2
      const shown = all.length <= room ? all : mostUrgent(all, room - 1)
      const hidden = all.length - shown.length
      const text = [
        `${doing}  ${formatClock((now() - started) / 1000)}`,
        ...shown.map((layer) => layerLine(layer, all)),
        ...(hidden > 0 ? [`  … and ${hidden} more layers`] : []),
        `  ${totalLine(all, rateOf(samples, now()))}`,
      ]
      return text.map((line) => cut(line, columns))
    },
  }
}

/** Bytes that a layer has behind it, of those that `planned` says. */
function moved(layer: LayerProgress): number {
  return layer.consumed + layer.pushed
}

/**
 * Bytes that a layer will have moved at its end: its source is read once; what is written is pushed once. Before it
 * is written that is taken to be as much as was read.
 */
function planned(layer: LayerProgress): number {
  if (layer.state === 'kept') return moved(layer)
  if (layer.state === 'pushed') return moved(layer)
  const readToEnd = layer.state === 'converted' || layer.state === 'pushing'
  return layer.size + (readToEnd ? layer.written : layer.size)
}

function layerLine(layer: LayerProgress, all: readonly LayerProgress[]): string {
  const { platform, index, digest, state } = layer
  const count = all.filter((other) => other.platform === platform).length
  const name = `${platform} ${String(index).padStart(String(count).length)}/${count}`
  const short = digest.replace(/^sha256:/, '').slice(0, 8)
  const [done, of] =
    state === 'pushing' || state === 'pushed'
      ? [layer.pushed, layer.written]
      : [layer.consumed, layer.size]
  const bytes = state === 'waiting' ? formatSize(of) : `${formatSize(done)} of ${formatSize(of)}`
  const full = state === 'pushed' || state === 'kept' || state === 'converted'
  return `  ${name}  ${short}  ${formatBar(full ? 1 : done / (of || 1))}  ${state.padEnd(10)} ${bytes}`
}

function totalLine(layers: readonly LayerProgress[], rate: number | undefined): string {
  const read = layers.reduce((sum, layer) => sum + layer.consumed, 0)
  const written = layers.reduce((sum, layer) => sum + layer.written, 0)
  const pushed = layers.reduce((sum, layer) => sum + layer.pushed, 0)
  const left = layers.reduce((sum, layer) => sum + planned(layer) - moved(layer), 0)
  const parts = [
    `read ${formatSize(read)}`,
    `written ${formatSize(written)}`,
    `pushed ${formatSize(pushed)}`,
    ...(rate === undefined ? [] : [`${formatSize(rate)}/s`]),
    ...(rate === undefined || left <= 0 ? [] : [`about ${formatClock(left / rate)} left`]),
  ]
  return parts.join('  ')
}

/** Bytes a second over the window; undefined while there is too little to tell. */
function rateOf(samples: readonly { at: number; bytes: number }[], at: number): number | undefined {
  const [first] = samples
  const last = samples.at(-1)
  if (first === undefined || last === undefined || at - first.at < 500) return undefined
  const rate = ((last.bytes - first.bytes) / (at - first.at)) * 1000
  return rate > 0 ? rate : undefined
}

function byPlace(a: LayerProgress, b: LayerProgress): number {
  return a.platform === b.platform ? a.index - b.index : a.platform < b.platform ? -1 : 1
}

/** The `count` layers that are worth a line most, in their own order. */
function mostUrgent(layers: readonly LayerProgress[], count: number): LayerProgress[] {
  const chosen = layers
    .toSorted((a, b) => urgency[a.state] - urgency[b.state] || byPlace(a, b))
    .slice(0, Math.max(0, count))
  return layers.filter((layer) => chosen.includes(layer))
}

function cut(line: string, columns: number): string {
  const letters = Array.from(line)
  return letters.length <= columns
    ? line
    : `${letters.slice(0, Math.max(0, columns - 1)).join('')}…`
}
