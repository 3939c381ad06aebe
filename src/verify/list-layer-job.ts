/** What a layer thread does to list an ordinary layer. */
import { decodeSource, type SourceLayer } from '../drivers/decode-source.ts'
import { TarLister } from '../drivers/tar-lister.ts'
import type { ListingData } from '../formats/listing/listing.ts'
import { openStreamHash } from '../streams/twin-hash.ts'
import type { LayerHost } from '../threads/layer-host.ts'

/** Reads all of the layer, checks its diffID, and gives what it holds. */
export async function run(data: SourceLayer, host: LayerHost): Promise<ListingData> {
  const lister = new TarLister(data.what)
  await decodeSource(data, host, {
    hash: openStreamHash(),
    warn: () => {},
    take: async (bytes) => lister.take(bytes),
  })
  return lister.finish(host)
}
