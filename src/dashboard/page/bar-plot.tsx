import { formatMoment } from '../model/format.ts'
import { useWidth } from './width.ts'

/** One bar, of parts that stand on each other. */
export interface Bar {
  /** Milliseconds since 1970. */
  from: number
  parts: { kind: string; value: number }[]
  /** What it says, for people. */
  text: string
}

const HEIGHT = 96
const FOOT = 18

/** Bars over time; the same in words for those who cannot see them. */
export function BarPlot(init: { title: string; bars: readonly Bar[]; top(value: number): string }) {
  const { title, bars, top } = init
  const { ref, width } = useWidth<HTMLDivElement>()
  const highest = Math.max(...bars.map(sumOf), 0)
  const step = width / Math.max(1, bars.length)
  const first = bars[0]
  return (
    <figure class="plot">
      <figcaption>
        {title} <span class="top">{highest > 0 && `at most ${top(highest)}`}</span>
      </figcaption>
      <div ref={ref}>
        <svg
          width={width}
          height={HEIGHT + FOOT}
          role="img"
          aria-label={`${title}, bars over time`}
        >
          <line class="axis" x1={0} x2={width} y1={HEIGHT + 0.5} y2={HEIGHT + 0.5} />
          {bars.map((bar, i) => (
            <g key={bar.from}>
              <title>{bar.text}</title>
              <rect class="hit" x={i * step} y={0} width={step} height={HEIGHT} />
              {stack(bar, highest).map(({ kind, y, height }) => (
                <rect
                  key={kind}
                  class={kind}
                  x={i * step + 1}
                  y={y}
                  width={Math.max(1, step - 2)}
                  height={height}
                />
              ))}
            </g>
          ))}
          {first !== undefined && (
            <text x={0} y={HEIGHT + FOOT - 4}>
              {formatMoment(first.from, Date.now())}
            </text>
          )}
          <text x={width} y={HEIGHT + FOOT - 4} text-anchor="end">
            now
          </text>
        </svg>
      </div>
      <details>
        <summary>In words</summary>
        <ul>
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

function sumOf({ parts }: Bar): number {
  return parts.reduce((sum, { value }) => sum + value, 0)
}

/** The parts of a bar from the bottom; what is there can be seen, however little it is. */
function stack(bar: Bar, highest: number): { kind: string; y: number; height: number }[] {
  let y = HEIGHT
  return bar.parts
    .filter(({ value }) => value > 0)
    .map(({ kind, value }) => {
      const height = Math.max(2, (value / highest) * (HEIGHT - 4))
      y -= height
      return { kind, y, height }
    })
}
