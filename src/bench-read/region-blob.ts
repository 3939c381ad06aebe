import type { SparseBlob } from './sparse-blob.ts'

/** A blob of which parts can be fetched, and read then. */
export type FetchedBlob = Pick<SparseBlob, 'size' | 'fetch' | 'read'>

/** Bytes of a region. Source: stargz-snapshotter fs/remote/resolver.go (defaultChunkSize). */
export const REGION_SIZE = 50_000

/**
 * A blob as stargz-snapshotter fetches it: in regions of 50,000 bytes, each once. The regions that a read lacks are asked
 * for in one request, from the first to the last of them: the snapshotter asks for several ranges at once where the
 * registry answers that, and like this where it does not. Source: stargz-snapshotter fs/remote/blob.go (ReadAt).
 */
export class RegionBlob {
  readonly #blob: FetchedBlob
  readonly #there: Uint8Array

  constructor(blob: FetchedBlob) {
    this.#blob = blob
    this.#there = new Uint8Array(Math.ceil(blob.size / REGION_SIZE))
  }

  /** Fetches what is lacking of a part. */
  async ensure(offset: number, length: number): Promise<void> {
    if (length <= 0) return
    let first = Math.floor(offset / REGION_SIZE)
    let last = Math.floor((Math.min(offset + length, this.#blob.size) - 1) / REGION_SIZE)
    while (first <= last && this.#there[first] === 1) first++
    while (last >= first && this.#there[last] === 1) last--
    if (first > last) return
    const start = first * REGION_SIZE
    const end = Math.min((last + 1) * REGION_SIZE, this.#blob.size)
    await this.#blob.fetch(start, end - start)
    this.#there.fill(1, first, last + 1)
  }

  /** Bytes of the blob; what is lacking of them is fetched. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    await this.ensure(offset, length)
    return this.#blob.read(offset, length)
  }
}
