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
  /** Where there was nothing to do, what was found instead, and when. */
  found?: { text: string; at: number }[]
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
  const several = new Set(layers.map(({ platform }) => platform)).size > 1
  const nameOf = ({ index, platform }: WireLayer): string =>
    several ? `${index} ${platform.split('/').slice(1).join('/')}` : `layer ${index}`
  const lanes = [
    { name: 'task', spans: phaseSpans(records, to) },
    ...layers.map((layer) => laneOf(nameOf(layer), layer, to)),
  ]
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

function laneOf(name: string, layer: WireLayer, to: number): Lane {
  const spans: Span[] = []
  const found: { text: string; at: number }[] = []
  const add = (init: Pick<Span, 'kind'> & { from?: string; to?: string; text: string }): void => {
    const until = init.to === undefined ? to : Date.parse(init.to)
    if (init.from !== undefined) {
      spans.push({ kind: init.kind, from: Date.parse(init.from), to: until })
    } else if (init.to !== undefined) found.push({ text: init.text, at: until })
  }
  const { convert_from, convert_to, push_from, push_to } = layer
  add({ kind: 'convert', text: 'converted already', ...between(convert_from, convert_to) })
  add({ kind: 'push', text: 'target has it', ...between(push_from, push_to) })
  return { name, spans, ...(found.length > 0 ? { found } : {}) }
}

function between(from: string | undefined, to: string | undefined): { from?: string; to?: string } {
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
}
