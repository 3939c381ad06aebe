/** Bytes that are added one behind the other. Memory: at most half as much again as there are. */
export class GrowingBytes {
  #bytes = new Uint8Array(4096)
  #size = 0

  add(bytes: Uint8Array): void {
    const size = this.#size + bytes.length
    if (size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(size, this.#bytes.length + (this.#bytes.length >>> 1)))
      grown.set(this.#bytes.subarray(0, this.#size))
      this.#bytes = grown
    }
    this.#bytes.set(bytes, this.#size)
    this.#size = size
  }

  /** Those from `start` to `end`, valid until some are added. */
  subarray(start: number, end: number): Uint8Array {
    return this.#bytes.subarray(start, end)
  }

  /** All, in memory of their own. */
  copy(): Uint8Array {
    return this.#bytes.slice(0, this.#size)
  }
}
