import type { ListingData } from '../formats/listing/listing.ts'
import { TarListing, type TarListingInit } from '../formats/listing/tar-listing.ts'
import type { TarEvent } from '../formats/tar/entry.ts'
import { TarReader } from '../formats/tar/reader.ts'
import type { LayerHost } from '../threads/layer-host.ts'

/** How a tar is listed. */
export type TarListerInit = Omit<TarListingInit, 'skip' | 'contentAt'>

/** A TarReader that lists all that it gives, before it gives it. Throws FORMAT_…. */
export class TarLister implements Pick<TarReader, 'push' | 'next' | 'end'> {
  readonly #reader: TarReader
  readonly #listing: TarListing

  constructor(what: string, init: TarListerInit = {}) {
    this.#reader = new TarReader({ what })
    this.#listing = new TarListing(init)
  }

  push(bytes: Uint8Array): void {
    this.#reader.push(bytes)
  }

  next(): TarEvent | undefined {
    const event = this.#reader.next()
    if (event !== undefined) this.#listing.take(event)
    return event
  }

  end(): void {
    this.#reader.end()
  }

  /** Takes the next bytes of a tar of which nobody else wants the events. */
  take(bytes: Uint8Array): void {
    this.push(bytes)
    while (this.next() !== undefined);
  }

  /** After `end`, or in its place; the listing is moved with the result of the job. */
  finish(host: LayerHost): ListingData {
    this.#reader.end()
    while (this.next() !== undefined);
    return handOver(this.#listing, host)
  }
}

/** What a listing has in the end; it is moved with the result of the job. */
export function handOver(listing: TarListing, host: LayerHost): ListingData {
  const { bytes, count, pieceSize } = listing.finish()
  host.transfer.push(bytes.buffer as ArrayBuffer)
  return { bytes, count, pieceSize }
}
