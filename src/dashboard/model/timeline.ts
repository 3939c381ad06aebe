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
  /** When it was found that the layer was converted already; milliseconds since 1970. */
  foundAt?: number
}

/** The picture of a task, from its first attempt on where there was one. */
export interface Timeline {
  from: number
  to: number
  lanes: Lane[]
  /** Milliseconds that it waited before `from`. */
  waited: number
}

/**
 * What a task did when, since it was asked for the last time: the first line from its records, one more for each layer of
 * the last attempt. What has not ended goes on to `now`, and a layer to the end of its attempt. Undefined where there are
 * no records.
 */
export function timelineOf(
  records: readonly WireRecord[],
  layers: readonly WireLayer[],
  now: number,
): Timeline | undefined {
  const asked = records.slice(
    Math.max(
      0,
      records.findLastIndex(({ type }) => type === 'queued'),
    ),
  )
  const [first] = asked
  const last = asked.at(-1)
  if (first === undefined || last === undefined) return undefined
  const queued = Date.parse(first.time)
  const started = asked.find(({ type }) => type === 'started')
  const from = started === undefined ? queued : Date.parse(started.time)
  const to = Math.max(from + 1, endings.has(last.type) ? Date.parse(last.time) : now)
  // what was under way when an attempt failed was broken off with it
  const attemptEnd = last.type === 'retrying' ? Date.parse(last.time) : to
  const several = new Set(layers.map(({ platform }) => platform)).size > 1
  const nameOf = ({ index, platform }: WireLayer): string =>
    several ? `${index} ${platform.split('/').slice(1).join('/')}` : `layer ${index}`
  const spans = phaseSpans(asked, to).filter((span) => span.to > from)
  const lanes = [
    { name: 'task', spans },
    ...layers.map((layer) => laneOf(nameOf(layer), layer, attemptEnd)),
  ]
  return { from, to, lanes, waited: from - queued }
}

const endings = new Set(['completed', 'failed', 'cancelled', 'superseded'])
const phases = new Set<string>(['pull', 'disk', 'convert', 'push'] satisfies Span['kind'][])

/** Each record that begins another phase ends the one before it. */
function phaseSpans(records: readonly WireRecord[], to: number): Span[] {
  const spans: Span[] = []
  let open: { kind: Span['kind']; from: number } | undefined
  const begin = (kind: Span['kind'] | undefined, at: number): void => {
    if (kind !== undefined && kind === open?.kind) return
    if (open !== undefined && at > open.from) spans.push({ ...open, to: at })
    open = kind === undefined ? undefined : { kind, from: at }
  }
  for (const { time, type, message = '' } of records) {
    const at = Date.parse(time)
    if (type === 'queued' || type === 'retrying' || type === 'interrupted') begin('wait', at)
    else if (type === 'started') begin('pull', at)
    else if (type === 'phase' && phases.has(message)) begin(message as Span['kind'], at)
    else if (endings.has(type)) begin(undefined, at)
  }
  begin(undefined, to)
  return spans
}

function laneOf(name: string, layer: WireLayer, to: number): Lane {
  const spans: Span[] = []
  const add = (kind: Span['kind'], from: string | undefined, until: string | undefined): void => {
    if (from === undefined) return
    spans.push({ kind, from: Date.parse(from), to: until === undefined ? to : Date.parse(until) })
  }
  add('convert', layer.convert_from, layer.convert_to)
  add('push', layer.push_from, layer.push_to)
  if (!isFound(layer)) return { name, spans }
  return { name, spans, foundAt: Date.parse(layer.convert_to ?? '') }
}

/** Whether a layer was converted before, or for another image at the same time: there was nothing to do. */
export function isFound({ convert_from, convert_to }: WireLayer): boolean {
  return convert_from === undefined && convert_to !== undefined
}
