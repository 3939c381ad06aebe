/** Bytes being made, in memory that is kept for the next time. */
export class OutputBuffer {
  bytes: Uint8Array
  length = 0

  /** `capacity`: bytes at first; at least 1. */
  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity)
  }

  /** Bytes that fit without growing. */
  get room(): number {
    return this.bytes.length - this.length
  }

  /** Makes room for `size` bytes more. */
  reserve(size: number): void {
    if (size <= this.room) return
    const larger = new Uint8Array(Math.max(this.length + size, 2 * this.bytes.length))
    larger.set(this.bytes.subarray(0, this.length))
    this.bytes = larger
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  /** All bytes, and empties the buffer: a view, valid until the next change. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.length)
    this.length = 0
    return taken
  }
}
