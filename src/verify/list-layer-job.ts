/** What a layer thread does to list an ordinary layer. */
import { decodeSource, type SourceLayer } from '../drivers/decode-source.ts'
import type { ListingData } from '../formats/listing/listing.ts'
import { openStreamHash } from '../streams/twin-hash.ts'
import type { LayerHost } from '../threads/layer-host.ts'

/** Reads all of the layer, checks its diffID, and gives what it holds. */
export async function run(data: SourceLayer, host: LayerHost): Promise<ListingData> {
  const { listing } = await decodeSource({ ...data, list: true }, host, {
    hash: openStreamHash(),
    warn: () => {},
    take: async () => {},
  })
  return listing!
}
