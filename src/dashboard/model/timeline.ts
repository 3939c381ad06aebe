import type { WireLayer, WireRecord } from '../../api/contract.ts'

/** A stretch of time in the picture. Milliseconds since 1970. */
export interface Span {
  kind: 'wait' | 'pull' | 'disk' | 'convert' | 'push'
  from: number
  to: number
}

/** One line of the picture. */
export interface Lane {
  name: string
  spans: Span[]
  /** The layer was converted before: there was nothing to do. */
  cached?: boolean
}

/** The picture of a task. */
export interface Timeline {
  from: number
  to: number
  lanes: Lane[]
}

/**
 * What a task did when: the first line from its records, one more for each layer of the last attempt. What has not
 * ended goes on to `now`. Undefined where there are no records.
 */
export function timelineOf(
  records: readonly WireRecord[],
  layers: readonly WireLayer[],
  now: number,
): Timeline | undefined {
  const from = Date.parse(records[0]?.time ?? '')
  if (Number.isNaN(from)) return undefined
  const ended = records.findLast(({ type }) => endings.has(type))
  const last = records.at(-1)
  const to = Math.max(
    from + 1,
    ended !== undefined && ended === last ? Date.parse(ended.time) : now,
  )
  const lanes = [{ name: 'task', spans: phaseSpans(records, to) }, ...layers.map(laneOf(to))]
  return { from, to, lanes }
}

const endings = new Set(['completed', 'failed', 'cancelled', 'superseded'])
const phases = new Set<string>(['pull', 'disk', 'convert', 'push'] satisfies Span['kind'][])

/** Each record that begins a phase ends the one before it. */
function phaseSpans(records: readonly WireRecord[], to: number): Span[] {
  const spans: Span[] = []
  let open: { kind: Span['kind']; from: number } | undefined
  const begin = (kind: Span['kind'] | undefined, at: number): void => {
    if (open !== undefined && at > open.from) spans.push({ ...open, to: at })
    open = kind === undefined ? undefined : { kind, from: at }
  }
  for (const { time, type, message = '' } of records) {
    const at = Date.parse(time)
    if (type === 'queued' || type === 'retrying') begin('wait', at)
    else if (type === 'started') begin('pull', at)
    else if (type === 'phase' && phases.has(message)) begin(message as Span['kind'], at)
    else if (endings.has(type)) begin(undefined, at)
  }
  begin(undefined, to)
  return spans
}

const laneOf =
  (to: number) =>
  (layer: WireLayer): Lane => {
    const spans: Span[] = []
    const add = (kind: Span['kind'], from: string | undefined, until: string | undefined): void => {
      if (from === undefined) return
      spans.push({ kind, from: Date.parse(from), to: until === undefined ? to : Date.parse(until) })
    }
    add('convert', layer.convert_from, layer.convert_to)
    add('push', layer.push_from, layer.push_to)
    const cached = layer.convert_from === undefined && layer.convert_to !== undefined
    return { name: `layer ${layer.index}`, spans, ...(cached ? { cached } : {}) }
  }
