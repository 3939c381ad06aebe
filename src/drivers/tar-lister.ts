import type { ListingData } from '../formats/listing/listing.ts'
import { TarListing, type TarListingInit } from '../formats/listing/tar-listing.ts'
import { TarReader } from '../formats/tar/reader.ts'
import type { LayerHost } from '../threads/layer-host.ts'

/** Lists a tar as it comes. Throws FORMAT_…. */
export class TarLister {
  readonly #reader: TarReader
  readonly #listing: TarListing

  constructor(what: string, init: Omit<TarListingInit, 'skip'> = {}) {
    this.#reader = new TarReader({ what })
    this.#listing = new TarListing(init)
  }

  take(bytes: Uint8Array): void {
    this.#reader.push(bytes)
    this.#events()
  }

  /** After all bytes; the listing is moved with the result of the job. */
  finish(host: LayerHost): ListingData {
    this.#reader.end()
    this.#events()
    const { bytes, count, pieceSize } = this.#listing.finish()
    host.transfer.push(bytes.buffer as ArrayBuffer)
    return { bytes, count, pieceSize }
  }

  #events(): void {
    for (let event = this.#reader.next(); event !== undefined; event = this.#reader.next()) {
      this.#listing.take(event)
    }
  }
}
