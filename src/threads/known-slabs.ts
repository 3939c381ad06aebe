import type { SlabHandle } from './messages.ts'

/** Shared memory for one batch, as a thread sees it. */
export interface HostSlab {
  readonly id: number
  readonly input: Uint8Array
  readonly output: Uint8Array
}

/** The slabs of which a thread has heard. */
export class KnownSlabs {
  readonly #slabs = new Map<number, HostSlab>()

  /** The slab of a message. */
  get({ id, memory }: SlabHandle): HostSlab {
    const known = this.#slabs.get(id)
    if (known !== undefined) return known
    const { input, output } = memory!
    const slab = { id, input: new Uint8Array(input), output: new Uint8Array(output) }
    this.#slabs.set(id, slab)
    return slab
  }

  forget(ids: readonly number[]): void {
    for (const id of ids) this.#slabs.delete(id)
  }
}
