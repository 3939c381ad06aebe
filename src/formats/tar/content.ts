import { strict as assert } from 'node:assert'
import type { Feed } from '../../bytes/feed.ts'
import type { SparseMap } from './sparse.ts'

/** Zeros for holes, a piece at a time. Shared: data is only ever read. */
const ZEROS = new Uint8Array(256 * 1024)

/** Delivers the content of one entry: its stored bytes, and zeros where the map has holes. */
export class Content {
  #stored = 0
  #map: SparseMap | undefined = undefined
  /** In the map: the extent that is next, and how far the file is delivered. */
  #extent = 0
  #position = 0

  /** Stored bytes that were not delivered. */
  get stored(): number {
    return this.#stored
  }

  /** All was delivered. */
  get done(): boolean {
    return this.#map === undefined ? this.#stored === 0 : this.#position === this.#map.size
  }

  /** `map` has been checked to take `stored` bytes. */
  begin(stored: number, map: SparseMap | undefined): void {
    this.#stored = stored
    this.#map = map
    this.#extent = 0
    this.#position = 0
  }

  /** The next bytes, or undefined when the feed has none. Not when `done`. */
  next(feed: Feed): Uint8Array | undefined {
    return this.#map === undefined ? this.#take(feed, this.#stored) : this.#mapped(feed, this.#map)
  }

  /** Goes over stored bytes that are not in a feed. There are as many, and no map. */
  pass(size: number): void {
    assert(this.#map === undefined && size <= this.#stored, 'less content, or a sparse file')
    this.#stored -= size
  }

  #mapped(feed: Feed, { extents, size }: SparseMap): Uint8Array | undefined {
    while (this.#extent < extents.length && this.#extentEnd(extents) <= this.#position) {
      this.#extent += 2
    }
    const inMap = this.#extent < extents.length
    const hole = (inMap ? extents[this.#extent]! : size) - this.#position
    const bytes =
      hole > 0
        ? ZEROS.subarray(0, Math.min(hole, ZEROS.length))
        : this.#take(feed, this.#extentEnd(extents) - this.#position)
    this.#position += bytes?.length ?? 0
    return bytes
  }

  #extentEnd(extents: number[]): number {
    return extents[this.#extent]! + extents[this.#extent + 1]!
  }

  #take(feed: Feed, length: number): Uint8Array | undefined {
    const bytes = feed.take(length)
    if (bytes !== undefined) this.#stored -= bytes.length
    return bytes
  }
}
