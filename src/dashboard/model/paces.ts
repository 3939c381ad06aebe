import type { WireLayer, WireProgress } from '../../api/contract.ts'
import { RateMeter } from './rate.ts'
import type { Pace } from './work.ts'

/** How fast running tasks and their layers go. Holds a meter for each of them, and for each layer that is worked on. */
export class Paces {
  readonly #meters = new Map<string, Map<string, RateMeter>>()

  /** Where a task stands at `now`, in milliseconds of any clock. */
  note(id: string, progress: WireProgress, active: readonly WireLayer[], now: number): void {
    const known = this.#meters.get(id) ?? new Map<string, RateMeter>()
    const meters = new Map<string, RateMeter>()
    const note = (key: string, total: number): void => {
      const meter = known.get(key) ?? new RateMeter()
      meter.note(total, now)
      meters.set(key, meter)
    }
    note('read', progress.read_bytes)
    note('pushed', progress.pushed_bytes)
    for (const layer of active) {
      note(keyOf(layer), layer.state === 'pushing' ? layer.pushed : layer.read)
    }
    // a layer that is no longer worked on needs no meter
    this.#meters.set(id, meters)
  }

  /** Of a task; zeros where that is not known yet. */
  of(id: string, now: number): Pace {
    return { read: this.#rate(id, 'read', now), pushed: this.#rate(id, 'pushed', now) }
  }

  /** Of a layer, in what is done with it. */
  ofLayer(id: string, layer: WireLayer, now: number): number {
    return this.#rate(id, keyOf(layer), now)
  }

  forget(id: string): void {
    this.#meters.delete(id)
  }

  #rate(id: string, key: string, now: number): number {
    return this.#meters.get(id)?.get(key)?.rate(now) ?? 0
  }
}

function keyOf({ platform, index, state }: WireLayer): string {
  return `${platform} ${index} ${state}`
}
