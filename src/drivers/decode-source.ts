import { AccelError } from '../errors/accel-error.ts'
import type { Compression } from '../formats/codec/decoder.ts'
import { openDecoder } from '../formats/layer-decoder.ts'
import type { Digest } from '../oci/digest.ts'
import type { StreamHash } from '../streams/twin-hash.ts'
import type { LayerHost } from '../threads/layer-host.ts'

/** What is known of a source layer before it is read. */
export interface SourceLayer {
  /** Names it in messages. */
  what: string
  /** What its uncompressed bytes must be. */
  diffId: Digest
  /** What its media type says. */
  compression: Compression
  /** What it holds is listed by the job that reads it. @default false */
  list?: boolean
}

/**
 * Decodes all of the source and gives its bytes to `hash` and `take`, each time valid until that is done; gives their
 * number. Warns where the layer is compressed otherwise than its media type says. Throws FORMAT_…, and
 * IMAGE_DIFF_ID_MISMATCH at the end.
 */
export async function decodeSource(
  { what, diffId, compression }: SourceLayer,
  host: LayerHost,
  to: {
    /** `settle` is called when the bytes of the last `update` may change. */
    hash: StreamHash & { settle?(): void }
    warn(text: string): void
    take(bytes: Uint8Array): Promise<void>
  },
): Promise<number> {
  const decoder = openDecoder({ what })
  const drain = async (): Promise<void> => {
    for (let bytes = decoder.next(); bytes !== undefined; bytes = decoder.next()) {
      to.hash.update(bytes)
      await to.take(bytes)
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
  return decoder.produced
}

/** Throws IMAGE_DIFF_ID_MISMATCH where a layer's tar has not the digest that the image config says. */
export function checkDiffId(layer: string, want: Digest, got: Digest): void {
  if (got !== want) throw new AccelError('IMAGE_DIFF_ID_MISMATCH', { layer, want, got })
}

/** What is said of a layer that is compressed otherwise than its media type says. */
export function compressionWarning(said: Compression, found: Compression): string {
  return `its media type says compression ${said}, its first bytes ${found}; it was read as ${found}`
}
