import { useState } from 'preact/hooks'
import { labelled, ticksOf } from '../model/axis.ts'
import { formatTick } from '../model/format.ts'
import { useWidth } from './width.ts'

/** One bar, of parts that stand on each other. */
export interface Bar {
  /** Milliseconds since 1970. */
  from: number
  parts: { kind: string; value: number }[]
  /** What it says, for people: when, and how much. */
  text: string
}

export interface BarPlotInit {
  title: string
  /** All bars together, for people. */
  total: string
  bars: readonly Bar[]
  /** Milliseconds that a bar stands for. */
  step: number
  /** A value of the axis, for people. */
  label(value: number): string
  /** The smallest step of the axis. @default any */
  least?: number
  /** What the kinds of parts mean. @default there is one kind, and the title says it */
  legend?: Readonly<Record<string, string>>
  /** A value that a line marks. */
  mark?: number
}

const HEIGHT = 104
const TOP = 8
const FOOT = 20
const GUTTER = 58
/** Width of a time at the axis. */
const LABEL = 44

/** Bars over time. A bar is chosen by pointer or by the arrow keys, and said in words; all of them are in a table, too. */
export function BarPlot(init: BarPlotInit) {
  const { title, total, bars, legend } = init
  const [chosen, setChosen] = useState<number>()
  const text = chosen === undefined ? total : (bars[chosen]?.text ?? total)
  return (
    <figure class="plot">
      <figcaption>{title}</figcaption>
      <p class="readout">{text}</p>
      <Picture {...init} chosen={chosen} onChoose={setChosen} />
      {legend !== undefined && (
        <ul class="plain legend">
          {Object.entries(legend).map(([kind, meaning]) => (
            <li key={kind} class={kind}>
              {meaning}
            </li>
          ))}
        </ul>
      )}
      <details>
        <summary>In words</summary>
        <ul class="plain">
          {bars
            .filter((bar) => sumOf(bar) > 0)
            .map((bar) => (
              <li key={bar.from}>{bar.text}</li>
            ))}
        </ul>
      </details>
    </figure>
  )
}

interface PictureInit extends BarPlotInit {
  chosen: number | undefined
  onChoose(bar: number | undefined): void
}

function Picture(init: PictureInit) {
  const { title, bars, step, label, least = 0, mark, chosen, onChoose } = init
  const { ref, width } = useWidth<HTMLDivElement>()
  const ticks = ticksOf(Math.max(...bars.map(sumOf), mark ?? 0), least)
  const highest = ticks.at(-1) ?? 1
  const yOf = (value: number): number => TOP + HEIGHT - (value / highest) * HEIGHT
  const wide = (width - GUTTER) / Math.max(1, bars.length)
  const xOf = (i: number): number => GUTTER + i * wide
  const last = bars.length - 1
  const onKey = (event: KeyboardEvent): void => {
    const next = moves[event.key]?.(chosen ?? last, last)
    if (next === undefined) return
    event.preventDefault()
    onChoose(Math.min(last, Math.max(0, next)))
  }
  const onPointer = (event: PointerEvent): void => {
    const at = Math.floor((event.offsetX - GUTTER) / wide)
    onChoose(at >= 0 && at <= last ? at : undefined)
  }
  return (
    <div
      ref={ref}
      class="picture"
      role="slider"
      tabIndex={0}
      aria-label={`${title}, bar by bar`}
      aria-valuemin={0}
      aria-valuemax={last}
      aria-valuenow={chosen ?? last}
      aria-valuetext={bars[chosen ?? last]?.text ?? ''}
      onKeyDown={onKey}
      onFocus={() => onChoose(chosen ?? last)}
      onBlur={() => onChoose(undefined)}
      onPointerMove={onPointer}
      onPointerLeave={() => onChoose(undefined)}
    >
      <svg width={width} height={TOP + HEIGHT + FOOT} aria-hidden="true">
        {ticks.map((tick) => (
          <g key={tick}>
            <line class="grid" x1={GUTTER} x2={width} y1={yOf(tick)} y2={yOf(tick)} />
            <text x={GUTTER - 8} y={yOf(tick) + 4} text-anchor="end">
              {label(tick)}
            </text>
          </g>
        ))}
        {chosen !== undefined && (
          <rect class="chosen" x={xOf(chosen)} y={TOP} width={wide} height={HEIGHT} />
        )}
        {bars.map((bar, i) =>
          stack(bar).map(({ kind, from, to }) => (
            <rect
              key={`${i} ${kind}`}
              class={kind}
              x={xOf(i) + 0.5}
              width={Math.max(1, wide - 1)}
              y={Math.min(yOf(to), yOf(from) - 2)}
              height={Math.max(2, yOf(from) - yOf(to))}
            />
          )),
        )}
        {mark !== undefined && (
          <line class="mark-line" x1={GUTTER} x2={width} y1={yOf(mark)} y2={yOf(mark)} />
        )}
        {labelled(bars.length, (width - GUTTER) / (1.5 * LABEL)).map((i) => (
          <g key={i}>
            <line class="axis" x1={xOf(i)} x2={xOf(i)} y1={TOP + HEIGHT} y2={TOP + HEIGHT + 4} />
            {xOf(i) + LABEL <= width && (
              <text x={xOf(i)} y={TOP + HEIGHT + FOOT - 4}>
                {formatTick(bars[i]?.from ?? 0, step)}
              </text>
            )}
          </g>
        ))}
      </svg>
    </div>
  )
}

/** Where a key leads from a bar, of bars from 0 to `last`. */
const moves: Readonly<Record<string, (from: number, last: number) => number>> = {
  ArrowLeft: (from) => from - 1,
  ArrowDown: (from) => from - 1,
  ArrowRight: (from) => from + 1,
  ArrowUp: (from) => from + 1,
  PageDown: (from) => from - 10,
  PageUp: (from) => from + 10,
  Home: () => 0,
  End: (_, last) => last,
}

function sumOf({ parts }: Bar): number {
  return parts.reduce((sum, { value }) => sum + value, 0)
}

/** The parts of a bar that are not empty, from the bottom. */
function stack({ parts }: Bar): { kind: string; from: number; to: number }[] {
  let to = 0
  return parts
    .map(({ kind, value }) => ({ kind, from: to, to: (to += value) }))
    .filter(({ from, to }) => to > from)
}
