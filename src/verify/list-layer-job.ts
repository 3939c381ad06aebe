/** What a layer thread does to list an ordinary layer. */
import { decodeSource, type SourceLayer } from '../drivers/decode-source.ts'
import { TarListing } from '../formats/listing/tar-listing.ts'
import { TarReader } from '../formats/tar/reader.ts'
import { openStreamHash } from '../streams/twin-hash.ts'
import type { LayerHost } from '../threads/layer-host.ts'
import { transferred, type ListingData } from './listing-data.ts'

/** Reads all of the layer, checks its diffID, and gives what it holds. */
export async function run(data: SourceLayer, host: LayerHost): Promise<ListingData> {
  const reader = new TarReader({ what: data.what })
  const listing = new TarListing()
  const take = (): void => {
    for (let event = reader.next(); event !== undefined; event = reader.next()) listing.take(event)
  }
  await decodeSource(data, host, {
    hash: openStreamHash(),
    warn: () => {},
    take: async (bytes) => {
      reader.push(bytes)
      take()
    },
  })
  reader.end()
  take()
  return transferred(listing.finish(), host)
}
