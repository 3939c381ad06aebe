import { AccelError } from '../errors/accel-error.ts'
import type { Compression } from '../formats/codec/decoder.ts'
import { openDecoder } from '../formats/layer-decoder.ts'
import type { ListingData } from '../formats/listing/listing.ts'
import type { Digest } from '../oci/digest.ts'
import type { StreamHash } from '../streams/twin-hash.ts'
import type { LayerHost } from '../threads/layer-host.ts'
import { TarLister } from './tar-lister.ts'

/** What is known of a source layer before it is read. */
export interface SourceLayer {
  /** Names it in messages. */
  what: string
  /** What its uncompressed bytes must be. */
  diffId: Digest
  /** What its media type says. */
  compression: Compression
  /** What it holds is listed here, as nobody else reads its entries. @default false */
  list?: boolean
}

/** What was found. */
export interface DecodedSource {
  /** Bytes of the tar. */
  size: number
  listing?: ListingData
}

/**
 * Decodes all of the source and gives its bytes to `hash` and `take`, each time valid until that is done; gives their
 * number. The listing is read apart from what `take` does with the bytes, and moved with the result of the job.
 * Warns where the layer is compressed otherwise than its media type says. Throws FORMAT_…, and
 * IMAGE_DIFF_ID_MISMATCH at the end.
 */
export async function decodeSource(
  { what, diffId, compression, list }: SourceLayer,
  host: LayerHost,
  to: {
    /** `settle` is called when the bytes of the last `update` may change. */
    hash: StreamHash & { settle?(): void }
    warn(text: string): void
    take(bytes: Uint8Array): Promise<void>
  },
): Promise<DecodedSource> {
  const lister = list ? new TarLister(what) : undefined
  const decoder = openDecoder({ what })
  const drain = async (): Promise<void> => {
    for (let bytes = decoder.next(); bytes !== undefined; bytes = decoder.next()) {
      to.hash.update(bytes)
      await to.take(bytes)
      lister?.take(bytes)
      to.hash.settle?.()
    }
  }
  try {
    for (let piece = await host.pull(); piece !== undefined; piece = await host.pull()) {
      decoder.push(piece)
      await drain()
    }
    decoder.end()
    await drain()
  } finally {
    decoder.close()
  }
  const found = decoder.compression ?? compression
  if (found !== compression) {
    to.warn(compressionWarning(compression, found))
  }
  checkDiffId(what, diffId, to.hash.digest())
  const size = decoder.produced
  if (lister === undefined) return { size }
  return { size, listing: lister.finish(host) }
}

/** Throws IMAGE_DIFF_ID_MISMATCH where a layer's tar has not the digest that the image config says. */
export function checkDiffId(layer: string, want: Digest, got: Digest): void {
  if (got !== want) throw new AccelError('IMAGE_DIFF_ID_MISMATCH', { layer, want, got })
}

/** What is said of a layer that is compressed otherwise than its media type says. */
export function compressionWarning(said: Compression, found: Compression): string {
  return `its media type says compression ${said}, its first bytes ${found}; it was read as ${found}`
}
