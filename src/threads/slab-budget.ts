import type { SlabSize } from './messages.ts'

/** Shared memory for one batch: what goes into it and what comes out. */
export interface Slab {
  readonly id: number
  readonly input: SharedArrayBuffer
  readonly output: SharedArrayBuffer
}

interface Waiting {
  owner: object
  size: SlabSize
  grant(slab: Slab): void
}

export interface SlabBudgetInit {
  /** Slabs that may exist at a time. */
  slabs: number
  /** Bytes that they may have together; one slab is always allowed. */
  bytes: number
  /** Called with the ids of slabs that are gone for good. */
  onDropped(ids: number[]): void
}

/**
 * Hands out slabs and reuses them: allocating a fresh megabyte costs more than sending it to a thread. Who
 * waits longest among those that hold fewest is served first, so no layer starves another. Slabs that nobody
 * wants are dropped by `trim`.
 */
export class SlabBudget {
  readonly #init: SlabBudgetInit
  readonly #owners = new Map<Slab, object>()
  readonly #held = new Map<object, number>()
  readonly #free: Slab[] = []
  #waiting: Waiting[] = []
  #bytes = 0
  #nextId = 1

  constructor(init: SlabBudgetInit) {
    this.#init = init
  }

  /** Asks for a slab; `grant` is called once, perhaps at once. */
  take(owner: object, size: SlabSize, grant: (slab: Slab) => void): void {
    this.#waiting.push({ owner, size, grant })
    this.#serve()
  }

  /** Gives a slab back. */
  give(slab: Slab): void {
    const owner = this.#owners.get(slab)
    if (owner === undefined) return
    this.#owners.delete(slab)
    const held = this.#held.get(owner)! - 1
    if (held === 0) this.#held.delete(owner)
    else this.#held.set(owner, held)
    this.#free.push(slab)
    this.#serve()
  }

  /** Forgets what `owner` waits for. What it holds is given back slab by slab. */
  cancel(owner: object): void {
    this.#waiting = this.#waiting.filter((waiting) => waiting.owner !== owner)
  }

  /** Lets go of the memory that is not in use. */
  trim(): void {
    this.#drop(this.#free.splice(0))
  }

  #drop(slabs: Slab[]): void {
    for (const slab of slabs) this.#bytes -= sizeOf(slab)
    if (slabs.length > 0) this.#init.onDropped(slabs.map((slab) => slab.id))
  }

  #serve(): void {
    while (this.#waiting.length > 0) {
      let best = 0
      for (let i = 1; i < this.#waiting.length; i++) {
        if (this.#count(this.#waiting[i]!) < this.#count(this.#waiting[best]!)) best = i
      }
      const { owner, size, grant } = this.#waiting[best]!
      const slab = this.#find(size)
      if (slab === undefined) return
      this.#waiting.splice(best, 1)
      this.#owners.set(slab, owner)
      this.#held.set(owner, (this.#held.get(owner) ?? 0) + 1)
      grant(slab)
    }
  }

  #count(waiting: Waiting): number {
    return this.#held.get(waiting.owner) ?? 0
  }

  #find(size: SlabSize): Slab | undefined {
    const fits = this.#free.findIndex(
      (slab) => slab.input.byteLength === size.input && slab.output.byteLength === size.output,
    )
    if (fits >= 0) return this.#free.splice(fits, 1)[0]
    const bytes = size.input + size.output
    // Free slabs of another size make room.
    while (this.#free.length > 0 && !this.#hasRoom(bytes)) this.#drop([this.#free.pop()!])
    if (this.#owners.size > 0 && !this.#hasRoom(bytes)) return undefined
    this.#bytes += bytes
    return {
      id: this.#nextId++,
      input: new SharedArrayBuffer(size.input),
      output: new SharedArrayBuffer(size.output),
    }
  }

  #hasRoom(bytes: number): boolean {
    return (
      this.#owners.size + this.#free.length < this.#init.slabs &&
      this.#bytes + bytes <= this.#init.bytes
    )
  }
}

function sizeOf(slab: Slab): number {
  return slab.input.byteLength + slab.output.byteLength
}
