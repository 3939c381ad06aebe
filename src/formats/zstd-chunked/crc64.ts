/**
 * CRC-64 with the polynomial of ISO 3309 (x^64 + x^4 + x^3 + x + 1), reflected, begun and ended with all ones: what
 * tar-split says of each file. The polynomial is so short that the share of 32 bits is a few shifts, without a table.
 */
export class Crc64 {
  #high = -1
  #low = -1

  update(bytes: Uint8Array): void {
    // Bytes up to the first whole word, words, and what is left.
    const head = Math.min(bytes.length, -bytes.byteOffset & 3)
    const count = (bytes.length - head) >> 2
    this.#bytes(bytes, 0, head)
    if (count > 0) this.#words(new Int32Array(bytes.buffer, bytes.byteOffset + head, count))
    this.#bytes(bytes, head + 4 * count, bytes.length)
  }

  /** The eight bytes, most significant first. */
  digest(): Uint8Array {
    const bytes = new Uint8Array(8)
    const view = new DataView(bytes.buffer)
    view.setInt32(0, ~this.#high)
    view.setInt32(4, ~this.#low)
    return bytes
  }

  #bytes(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; at++) {
      const x = (this.#low ^ bytes[at]!) & 0xff
      this.#low = (this.#low >>> 8) | (this.#high << 24)
      this.#high = (this.#high >>> 8) ^ (x << 24) ^ (x << 23) ^ (x << 21) ^ (x << 20)
    }
  }

  /** Little-endian ones, as all machines that Node runs on. */
  #words(words: Int32Array): void {
    let high = this.#high
    let low = this.#low
    for (let i = 0; i < words.length; i++) {
      const x = low ^ words[i]!
      low = high ^ (x << 31) ^ (x << 29) ^ (x << 28)
      high = x ^ (x >>> 1) ^ (x >>> 3) ^ (x >>> 4)
    }
    this.#high = high
    this.#low = low
  }
}
