import { formatSpan } from '../model/format.ts'
import type { Lane, Span, Timeline } from '../model/timeline.ts'
import { useWidth } from './width.ts'

const LANE = 22
const LABEL = 76
const FOOT = 20

const words: Record<Span['kind'], string> = {
  wait: 'waiting',
  pull: 'looking at the image',
  disk: 'waiting for room',
  convert: 'converting',
  push: 'pushing',
}

/** What a task did when, one line for it and one for each layer. */
export function TimelinePicture({ timeline }: { timeline: Timeline }) {
  const { from, to, lanes, waited } = timeline
  const { ref, width } = useWidth<HTMLDivElement>()
  const scale = (width - LABEL) / (to - from)
  const kinds = [...new Set(lanes.flatMap(({ spans }) => spans.map(({ kind }) => kind)))]
  return (
    <figure class="plot timeline">
      <div ref={ref}>
        <svg
          width={width}
          height={lanes.length * LANE + FOOT}
          role="img"
          aria-label={`What happened when, over ${formatSpan(to - from)}`}
        >
          {lanes.map((lane, i) => (
            <g key={i} transform={`translate(0 ${i * LANE})`}>
              <text x={0} y={15}>
                {lane.name}
              </text>
              <line class="axis" x1={LABEL} x2={width} y1={LANE - 0.5} y2={LANE - 0.5} />
              {lane.foundAt !== undefined && (
                <FoundMark x={LABEL + (lane.foundAt - from) * scale} width={width} />
              )}
              {lane.spans.map((span) => (
                <rect
                  key={`${span.kind} ${span.from}`}
                  class={`span ${span.kind}`}
                  x={LABEL + (span.from - from) * scale}
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
          <text x={LABEL} y={lanes.length * LANE + 15}>
            0
          </text>
          <text x={width} y={lanes.length * LANE + 15} text-anchor="end">
            {formatSpan(to - from)}
          </text>
        </svg>
      </div>
      {waited >= 1000 && <p class="quiet-text">It had waited for {formatSpan(waited)} before.</p>}
      <ul class="plain legend">
        {kinds.map((kind) => (
          <li key={kind} class={kind}>
            {words[kind]}
          </li>
        ))}
      </ul>
    </figure>
  )
}

/** When it was seen that there was nothing to convert, named on the side that has room. */
function FoundMark({ x, width }: { x: number; width: number }) {
  const right = x < (LABEL + width) / 2
  return (
    <>
      <circle class="found" cx={x} cy={LANE / 2} r={4} />
      <text x={right ? x + 8 : x - 8} y={15} text-anchor={right ? 'start' : 'end'}>
        converted already
      </text>
    </>
  )
}

function tellSpan({ name }: Lane, { kind, from, to }: Span): string {
  return `${name}: ${words[kind]} for ${formatSpan(to - from)}`
}
