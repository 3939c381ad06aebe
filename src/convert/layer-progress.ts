import type { SourceImage } from './source-image.ts'
import type { ConversionEvent, LayerProgress } from './events.ts'
import { formatPlatform } from '../oci/platform.ts'

/** Where each layer of one conversion stands; tells every change as an event. */
export class ProgressBook {
  readonly #layers = new Map<string, LayerProgress>()
  #written = 0
  readonly #onEvent: (event: ConversionEvent) => void

  constructor(onEvent: (event: ConversionEvent) => void) {
    this.#onEvent = onEvent
  }

  /** Bytes of converted layers that were written so far. */
  get written(): number {
    return this.#written
  }

  /** Takes down where a layer stands. */
  set(layer: LayerProgress): void {
    const key = keyOf(layer.platform, layer.index)
    this.#written += layer.written - (this.#layers.get(key)?.written ?? 0)
    this.#layers.set(key, layer)
    this.#onEvent({ type: 'layer', layer: { ...layer } })
  }

  /** Changes something of a layer that is known; `i` counts from 0. */
  change(image: SourceImage, i: number, change: Partial<LayerProgress>): void {
    const known = this.#layers.get(keyOf(formatPlatform(image.platform), i + 1))
    if (known) this.set({ ...known, ...change })
  }
}

function keyOf(platform: string, index: number): string {
  return `${platform} ${index}`
}
