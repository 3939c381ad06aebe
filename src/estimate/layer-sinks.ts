import { isAccelError } from '../errors/accel-error.ts'
import type { Compression } from '../formats/codec/decoder.ts'
import { MeasuredSink } from './measured-sink.ts'
import type { FormatName } from './format-name.ts'
import type { LayerJobData, LayerMeasure } from './layer-measure.ts'
import { GzipFeed, RefSink } from './ref-sink.ts'
import { TarCounter } from './tar-facts.ts'

/** The sink of the format that reads the layer where it is. */
interface OpenRef {
  name: FormatName
  sink: RefSink
  /** Where the layer itself does not end. */
  feed: GzipFeed | undefined
}

/** All formats that a layer is measured in, fed at once: it is decoded once. */
export class LayerSinks {
  readonly #counter: TarCounter
  readonly #sinks: { name: FormatName; sink: MeasuredSink }[] = []
  readonly #whole: boolean
  #ref: OpenRef | undefined
  #unsuitable: { name: FormatName; problem: string } | undefined

  constructor({ what, whole, listed, layer, makers }: LayerJobData, compression: Compression) {
    this.#counter = new TarCounter({ what, listed })
    this.#whole = whole
    for (const { name, maker } of makers) {
      if (maker.kind !== 'ref') this.#sinks.push({ name, sink: new MeasuredSink(maker, what) })
      else if (compression === 'zstd') {
        this.#unsuitable = {
          name,
          problem: 'it is compressed with zstd, which nydusd cannot read in part',
        }
      } else {
        const sink = new RefSink({ what, format: maker.format, layer, compression })
        const feed = !whole && compression === 'gzip' ? new GzipFeed(sink) : undefined
        this.#ref = { name, sink, feed }
      }
    }
  }

  /** Takes a piece of the layer as stored. */
  stored(bytes: Uint8Array): void {
    if (this.#whole) this.#reading((ref) => ref.sink.take(bytes))
  }

  /** Takes a piece of the tar. */
  async tar(bytes: Uint8Array): Promise<void> {
    await this.#counter.take(bytes)
    if (!this.#whole) this.#reading(({ feed, sink }) => (feed ?? sink).take(bytes))
    for (const { sink } of this.#sinks) await sink.take(bytes)
  }

  async finish(): Promise<Pick<LayerMeasure, 'facts' | 'made'>> {
    const facts = await this.#counter.finish()
    const made: LayerMeasure['made'] = []
    for (const { name, sink } of this.#sinks) made.push({ name, layer: await sink.finish() })
    const ref = this.#ref
    if (ref !== undefined) {
      try {
        made.push({ name: ref.name, layer: await (ref.feed ?? ref.sink).finish() })
      } catch (error) {
        this.#giveUp(ref, error)
      }
    }
    const { name, problem } = this.#unsuitable ?? {}
    if (name !== undefined && problem !== undefined)
      made.push({ name, layer: { unsuitable: problem } })
    return { facts, made }
  }

  close(): void {
    this.#ref?.sink.close()
  }

  #reading(take: (ref: OpenRef) => void): void {
    const ref = this.#ref
    if (ref === undefined) return
    try {
      take(ref)
    } catch (error) {
      this.#giveUp(ref, error)
    }
  }

  /** A layer that nydusd could not read where it is gets a Nydus blob. */
  #giveUp({ name, sink }: { name: FormatName; sink: RefSink }, error: unknown): void {
    if (!isAccelError(error, 'ZRAN_LAYER_UNSUITABLE')) throw error
    sink.close()
    this.#ref = undefined
    this.#unsuitable = { name, problem: error.context.problem }
  }
}
