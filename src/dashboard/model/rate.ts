/** How far back a rate looks, in milliseconds: long enough to be calm, short enough to be of now. */
const WINDOW_MS = 8_000

/** How fast a total grows. Holds the samples of WINDOW_MS. */
export class RateMeter {
  #samples: { total: number; at: number }[] = []

  /** The total at a time, in milliseconds of any clock. One that is smaller than before begins anew. */
  note(total: number, at: number): void {
    const last = this.#samples.at(-1)
    if (last !== undefined && total < last.total) this.#samples = []
    this.#samples.push({ total, at })
    // one sample from before the window stays: the rate is measured from it
    while ((this.#samples[1]?.at ?? Infinity) < at - WINDOW_MS) this.#samples.shift()
  }

  /** Units in a second over the last WINDOW_MS until `now`; 0 where there is too little to tell. */
  rate(now: number): number {
    const [first] = this.#samples
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined || last.at - first.at < 200) return 0
    // a total that has not grown since says that it is slower by now
    return ((last.total - first.total) * 1000) / (Math.max(now, last.at) - first.at)
  }
}
