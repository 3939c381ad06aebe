import { slabSizeOf } from '../drivers/estargz/layer-writer.ts'
import { chunkSlabSize } from '../formats/nydus-blob/chunk-stream.ts'
import { InlineHost, threadMs } from '../threads/inline-host.ts'
import type { LayerMaker } from './format.ts'
import { LazySink } from './lazy-sink.ts'
import { NydusSink } from './nydus-sink.ts'

/** What a layer becomes in one format. Sizes are bytes. */
export interface MadeLayer {
  /** Of the blob. */
  size: number
  /** What of the blob only says where files are, and a lazy client pulls before the first file. */
  indexSize: number
  /** What the layer adds to a blob that the whole image has: the bootstrap of Nydus. */
  imageSize: number
  /** Why the source blob stays as it is, or cannot be read lazily. */
  kept?: string
}

/** What making a layer cost besides. */
export interface MeasuredLayer extends MadeLayer {
  /** Processor time in milliseconds: of the layer's own thread, decoding left out, and of its batches. */
  threadMs: number
  batchMs: number
}

/** Makes a layer of a tar that comes in pieces, and keeps nothing of it but its size. */
export interface LayerSink {
  take(bytes: Uint8Array): Promise<void>
  finish(): Promise<MadeLayer>
}

/**
 * A sink that is measured. Batches are done in the thread that calls it. Memory: two slabs of the format, and what is known of
 * each file: that is what the conversion holds of a layer, too.
 */
export class MeasuredSink {
  readonly #host: InlineHost
  readonly #sink: LayerSink
  #ms = 0

  constructor(maker: Exclude<LayerMaker, { kind: 'ref' }>, what: string) {
    if (maker.kind === 'lazy') {
      this.#host = new InlineHost(slabSizeOf(maker.format))
      this.#sink = new LazySink(this.#host, maker.format, what)
    } else {
      this.#host = new InlineHost(chunkSlabSize(maker.format))
      this.#sink = new NydusSink(this.#host, maker.format, what)
    }
  }

  /** Takes a piece of the tar, which may change after it. Throws FORMAT_…, DRIVER_…. */
  async take(bytes: Uint8Array): Promise<void> {
    const before = threadMs()
    await this.#sink.take(bytes)
    this.#ms += threadMs() - before
  }

  async finish(): Promise<MeasuredLayer> {
    const before = threadMs()
    const made = await this.#sink.finish()
    this.#ms += threadMs() - before
    const { batchMs } = this.#host
    return { ...made, threadMs: this.#ms - batchMs, batchMs }
  }
}
