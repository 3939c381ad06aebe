import type { ConversionEvent, LayerProgress } from '../convert/events.ts'
import type { LayerTimes, TaskProgress } from '../tasks/task.ts'

const phases: Partial<Record<ConversionEvent['type'], TaskProgress['phase']>> = {
  pulling: 'pull',
  'waiting for disk': 'disk',
  converting: 'convert',
  pushing: 'push',
}

/**
 * Sums up what the layers of one conversion say, by the clock `now` in milliseconds since 1970. Returns undefined where
 * an event changes nothing of it.
 */
export function progressSum(
  now: () => number = Date.now,
): (event: ConversionEvent) => TaskProgress | undefined {
  const layers = new Map<string, LayerProgress>()
  const times = new Map<string, LayerTimes>()
  let sum: TaskProgress = {
    phase: 'pull',
    layers: 0,
    layersDone: 0,
    sourceBytes: 0,
    readBytes: 0,
    writtenBytes: 0,
    pushedBytes: 0,
  }
  return (event) => {
    const phase = phases[event.type]
    if (phase !== undefined) return (sum = { ...sum, phase })
    if (event.type !== 'layer') return undefined
    const { layer } = event
    const key = `${layer.platform} ${layer.index}`
    const before = layers.get(key)
    layers.set(key, layer)
    times.set(key, timesOf(layer, times.get(key), now))
    sum = {
      ...sum,
      layers: layers.size,
      layersDone: sum.layersDone + done(layer) - done(before),
      sourceBytes: sum.sourceBytes + layer.size - (before?.size ?? 0),
      readBytes: sum.readBytes + layer.consumed - (before?.consumed ?? 0),
      writtenBytes: sum.writtenBytes + layer.written - (before?.written ?? 0),
      pushedBytes: sum.pushedBytes + layer.pushed - (before?.pushed ?? 0),
      each: [...times.values()],
    }
    return sum
  }
}

/** When a layer came into the state in which it is, behind what is known of it. */
function timesOf(
  layer: LayerProgress,
  known: LayerTimes | undefined,
  now: () => number,
): LayerTimes {
  const { platform, index, digest, state, size, consumed, written, pushed } = layer
  const times = { ...known, platform, index, digest, state, size, read: consumed, written, pushed }
  const reached = reachedBy[state]
  if (reached === undefined || known?.[reached] !== undefined) return times
  return { ...times, [reached]: now() }
}

const reachedBy: Partial<
  Record<LayerProgress['state'], 'convertFrom' | 'convertTo' | 'pushFrom' | 'pushTo'>
> = {
  converting: 'convertFrom',
  converted: 'convertTo',
  pushing: 'pushFrom',
  pushed: 'pushTo',
}

/** 1 for a layer of which nothing is left to convert. */
function done(layer: LayerProgress | undefined): number {
  return layer === undefined || layer.state === 'waiting' || layer.state === 'converting' ? 0 : 1
}
