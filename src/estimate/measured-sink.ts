import { slabSizeOf } from '../drivers/estargz/layer-writer.ts'
import { chunkSlabSize } from '../formats/nydus-blob/slab-size.ts'
import { InlineHost, threadMs } from '../threads/inline-host.ts'
import type { LayerMaker } from './format.ts'
import { LazySink } from './lazy-sink.ts'
import { NydusSink } from './nydus-sink.ts'

import type { LayerSink, MeasuredLayer } from './layer-sink.ts'

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
