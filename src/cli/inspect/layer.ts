import type { BlobSource } from '../../formats/nydus-blob/blob-reader.ts'
import { MAX_BOOTSTRAP_SIZE } from '../../formats/rafs-v6/read.ts'
import { AccelError } from '../../errors/accel-error.ts'
import type { ByteSource } from '../../streams/byte-source.ts'
import { inspectBootstrap, type Detail } from './bootstrap.ts'
import { inspectBootstrapLayer } from './bootstrap-layer.ts'
import { bytesOf } from './blob-source.ts'
import type { Facts } from './facts.ts'
import { identify } from './identify.ts'
import { inspectNydusBlob } from './nydus-blob.ts'
import { inspectEstargz, inspectZstdChunked } from './toc-layer.ts'

/** What is known of the bytes that are looked into. */
export interface LayerInit {
  /** Names them in messages. */
  what: string
  /** Of the layer's descriptor. */
  annotations?: Readonly<Record<string, string>> | undefined
  /** All of them in order, verified where they can be. @default read from the source */
  whole?: () => ByteSource
}

/** What a file, or the layer of an image, says of itself. Throws FORMAT_…, CONTENT_…. */
export async function inspectLayer(
  source: BlobSource,
  init: LayerInit,
  detail: Detail,
): Promise<Facts> {
  const { what, annotations, whole = () => bytesOf(source) } = init
  const kind = await identify(source, what, annotations)
  switch (kind) {
    case 'RAFS bootstrap':
      return inspectBootstrap(await bootstrapBytes(source, what), what, detail)
    case 'Nydus blob':
      return inspectNydusBlob(source, what, detail)
    case 'eStargz':
      return inspectEstargz(source, { what, annotations }, detail)
    case 'zstd:chunked':
      return inspectZstdChunked(source, { what, annotations }, detail)
    default: {
      const nydus = await inspectBootstrapLayer(whole(), what, detail)
      return nydus ?? { format: `ordinary layer (${kind})`, size: source.size }
    }
  }
}

async function bootstrapBytes(source: BlobSource, what: string): Promise<Uint8Array> {
  if (source.size <= MAX_BOOTSTRAP_SIZE) return source.read(0, source.size)
  const limit = { limit: 'bytes', value: source.size, max: MAX_BOOTSTRAP_SIZE }
  throw new AccelError('FORMAT_LIMIT_EXCEEDED', { what, format: 'RAFS bootstrap', ...limit })
}
