import { timeTicksOf } from '../model/axis.ts'
import { formatSpan } from '../model/format.ts'
import type { Lane, Span, Timeline } from '../model/timeline.ts'
import { useWidth } from './width.ts'
import { phaseWords } from './words.ts'

const LANE = 22
const FOOT = 20
/** Width of a letter of a lane's name, about. */
const LETTER = 6.5

/** What a task did when, one line for it and one for each layer. */
export function TimelinePicture({ timeline }: { timeline: Timeline }) {
  const { from, to, lanes, waited } = timeline
  const { ref, width } = useWidth<HTMLDivElement>()
  const gutter = 12 + LETTER * Math.max(...lanes.map(({ name }) => name.length))
  const scale = (width - gutter) / (to - from)
  const xOf = (time: number): number => gutter + (time - from) * scale
  const kinds = [...new Set(lanes.flatMap(({ spans }) => spans.map(({ kind }) => kind)))]
  const foot = lanes.length * LANE
  const ticks = timeTicksOf(to - from, (width - gutter) / 70)
  return (
    <figure class="plot timeline">
      <div ref={ref}>
        <svg
          width={width}
          height={foot + FOOT}
          role="img"
          aria-label={`What happened when, over ${formatSpan(to - from)}; the log and the table of layers have the same in figures`}
        >
          {ticks.map((tick) => (
            <g key={tick}>
              <line class="grid" x1={xOf(from + tick)} x2={xOf(from + tick)} y1={0} y2={foot + 4} />
              <text
                x={xOf(from + tick)}
                y={foot + FOOT - 3}
                text-anchor={anchorOf(tick, to - from)}
              >
                {tick === 0 ? '0' : formatSpan(tick)}
              </text>
            </g>
          ))}
          {lanes.map((lane, i) => (
            <g key={i} transform={`translate(0 ${i * LANE})`}>
              <text x={0} y={15}>
                {lane.name}
              </text>
              <line class="grid" x1={gutter} x2={width} y1={LANE - 0.5} y2={LANE - 0.5} />
              {lane.foundAt !== undefined && (
                <FoundMark x={xOf(lane.foundAt)} right={xOf(lane.foundAt) < (gutter + width) / 2} />
              )}
              {lane.spans.map((span) => (
                <rect
                  key={`${span.kind} ${span.from}`}
                  class={`span ${span.kind}`}
                  x={Math.min(xOf(span.from), width - 2)}
                  y={4}
                  rx={2}
                  width={Math.max(2, (span.to - span.from) * scale)}
                  height={LANE - 8}
                >
                  <title>{tellSpan(lane, span)}</title>
                </rect>
              ))}
            </g>
          ))}
        </svg>
      </div>
      <ul class="plain legend">
        {kinds.map((kind) => (
          <li key={kind} class={kind}>
            {phaseWords[kind]}
          </li>
        ))}
      </ul>
      {waited >= 1000 && (
        <p class="note">Before the first attempt it had waited for {formatSpan(waited)}.</p>
      )}
    </figure>
  )
}

/** So that the label of a moment stays inside the picture. */
function anchorOf(tick: number, length: number): 'start' | 'middle' | 'end' {
  if (tick === 0) return 'start'
  return tick > length * 0.95 ? 'end' : 'middle'
}

/** When it was seen that there was nothing to convert, named on the side that has room. */
function FoundMark({ x, right }: { x: number; right: boolean }) {
  return (
    <>
      <circle class="found" cx={x} cy={LANE / 2} r={4} />
      <text x={right ? x + 8 : x - 8} y={15} text-anchor={right ? 'start' : 'end'}>
        from the cache
      </text>
    </>
  )
}

function tellSpan({ name }: Lane, { kind, from, to }: Span): string {
  return `${name}: ${phaseWords[kind]} for ${formatSpan(to - from)}`
}
