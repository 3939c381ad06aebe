import { writeRefBlob } from '../drivers/nydus/ref-blob.ts'
import { RefBuild } from '../drivers/nydus/ref-build.ts'
import type { NydusFormat } from '../drivers/nydus/options.ts'
import type { Compressor } from '../formats/codec/compressor.ts'
import type { Compression } from '../formats/codec/decoder.ts'
import { openCompressor } from '../formats/codec/open.ts'
import { ContextCutter } from '../formats/zran/context-cutter.ts'
import { PlainCutter } from '../formats/zran/plain-cutter.ts'
import { TarChunks } from '../formats/zran/tar-chunks.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { BlobTail } from './blob-tail.ts'
import { threadMs } from '../threads/inline-host.ts'
import type { MeasuredLayer } from './layer-sink.ts'

export interface RefSinkInit {
  what: string
  format: NydusFormat
  /** The layer as stored. */
  layer: Pick<Descriptor, 'digest' | 'size'>
  compression: Exclude<Compression, 'zstd'>
}

/**
 * Makes the blob of a layer that stays where it is, as the driver does. It reads the layer as it is stored. Memory: of the
 * contexts, 32 KiB for each MiB, and what is known of each file.
 */
export class RefSink {
  readonly #init: RefSinkInit
  readonly #contexts: ContextCutter | undefined
  readonly #build: RefBuild
  readonly #chunks: TarChunks
  readonly #close: () => void
  #ms = 0

  constructor(init: RefSinkInit) {
    const { what, compression } = init
    const { chunkSize } = init.format
    this.#init = init
    this.#contexts = compression === 'gzip' ? new ContextCutter({ what, chunkSize }) : undefined
    const cutter = this.#contexts ?? new PlainCutter(chunkSize)
    this.#build = new RefBuild({ what, chunkSize, zran: this.#contexts !== undefined })
    this.#chunks = new TarChunks({ what, cutter, chunkSize })
    this.#close = () => cutter.bytes.close()
  }

  /** Takes a piece of the layer as stored. Throws FORMAT_…, ZRAN_…. */
  take(bytes: Uint8Array): void {
    const before = threadMs()
    this.#chunks.push(bytes)
    this.#takeAll()
    this.#ms += threadMs() - before
  }

  /** Throws as `take`. */
  async finish(): Promise<MeasuredLayer> {
    const before = threadMs()
    this.#chunks.end()
    this.#takeAll()
    const { layer, format } = this.#init
    const tail = new BlobTail()
    tail.begin()
    const { size } = await writeRefBlob(
      this.#build,
      { ...layer, chunkSize: format.chunkSize, contexts: this.#contexts?.finish() },
      (bytes) => tail.write(bytes),
    )
    const ms = this.#ms + threadMs() - before
    const imageSize = await tail.bootstrapLayerSize(this.#init.what)
    return { size, indexSize: 0, imageSize, threadMs: ms, batchMs: 0 }
  }

  /** Lets go of the decoder's memory. */
  close(): void {
    this.#close()
  }

  #takeAll(): void {
    for (let event = this.#chunks.next(); event !== undefined; event = this.#chunks.next()) {
      this.#build.take(event)
    }
  }
}

/**
 * Feeds a sink with a tar in gzip: what there is of the layer itself does not end, and where contexts begin depends on the
 * uncompressed bytes for the most part.
 */
export class GzipFeed {
  readonly #sink: RefSink
  /** The fastest: nothing is kept of it. */
  readonly #gzip: Compressor = openCompressor({ format: 'gzip', level: 1 })

  constructor(sink: RefSink) {
    this.#sink = sink
  }

  take(bytes: Uint8Array): void {
    this.#gzip.write(bytes)
    this.#pass(this.#gzip.take())
  }

  finish(): Promise<MeasuredLayer> {
    this.#pass(this.#gzip.finish())
    this.#gzip.close()
    return this.#sink.finish()
  }

  #pass(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#sink.take(bytes)
  }
}
