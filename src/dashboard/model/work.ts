import type { WireLayer, WireProgress } from '../../api/contract.ts'

/** Bytes in a second, by what is done with them. */
export interface Pace {
  read: number
  pushed: number
}

/** What is being done at the moment, in figures. */
export interface Work {
  /** For people: `converting`. */
  name: string
  done: number
  /** 0 where it is not known yet. */
  total: number
  bytesPerSecond: number
  /** Milliseconds until this phase ends at this pace, in whole seconds; undefined where nobody can tell. */
  leftMs: number | undefined
}

const names: Record<WireProgress['phase'], string> = {
  pull: 'looking at the image',
  disk: 'waiting for room on the disk',
  convert: 'converting',
  push: 'pushing',
}

/** Sums up a progress. In `push`, the total is what was written; layers that the target has already are not sent. */
export function workOf(progress: WireProgress, pace: Pace): Work {
  const { phase } = progress
  if (phase === 'push') {
    const { pushed_bytes: done, written_bytes: total } = progress
    return workAt(names.push, { done, total, bytesPerSecond: pace.pushed })
  }
  const { read_bytes: done, source_bytes: total } = progress
  const finishing = phase === 'convert' && total > 0 && done >= total
  const name = finishing ? 'finishing the last layers' : names[phase]
  return workAt(name, { done, total, bytesPerSecond: pace.read })
}

/** The same for one layer that is worked on. */
export function layerWorkOf(layer: WireLayer, bytesPerSecond: number): Work {
  if (layer.state === 'pushing') {
    return workAt('pushing', { done: layer.pushed, total: layer.written, bytesPerSecond })
  }
  // it is all read: what is left is to compress the rest, and to read the result back
  const name = layer.read >= layer.size ? 'finishing' : 'converting'
  return workAt(name, { done: layer.read, total: layer.size, bytesPerSecond })
}

function workAt(
  name: string,
  { done, total, bytesPerSecond }: Pick<Work, 'done' | 'total' | 'bytesPerSecond'>,
): Work {
  const left = total - done
  // nobody knows it to a fraction of a second
  const leftMs =
    bytesPerSecond > 0 && left > 0 ? Math.ceil(left / bytesPerSecond) * 1000 : undefined
  return { name, done, total: Math.max(done, total), bytesPerSecond, leftMs }
}
