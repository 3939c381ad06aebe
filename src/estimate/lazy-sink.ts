import { LayerBuild } from '../drivers/estargz/layer-build.ts'
import type { LazyFormat } from '../drivers/estargz/layer-writer.ts'
import { TarReader } from '../formats/tar/reader.ts'
import { TwinHash } from '../streams/twin-hash.ts'
import type { BatchHost } from '../threads/batch-host.ts'
import type { LayerSink, MadeLayer } from './layer-sink.ts'

/** Makes layers with a table of contents: eStargz and zstd:chunked, as their drivers do. */
export class LazySink implements LayerSink {
  readonly #reader: TarReader
  readonly #build: LayerBuild
  readonly #hash = new TwinHash()

  constructor(host: BatchHost, format: LazyFormat, what: string) {
    this.#reader = new TarReader({ what })
    const output = { write: () => {}, tarHash: this.#hash.copy }
    this.#build = new LayerBuild(host, { what, format, lower: undefined, output })
  }

  async take(bytes: Uint8Array): Promise<void> {
    this.#hash.original.update(bytes)
    this.#reader.push(bytes)
    await this.#takeAll()
    this.#hash.original.settle()
  }

  async finish(): Promise<MadeLayer> {
    this.#reader.end()
    await this.#takeAll()
    const { blob, kept } = await this.#build.finish()
    if (blob === undefined) {
      return {
        size: 0,
        indexSize: 0,
        imageSize: 0,
        kept: kept ?? 'it cannot be said in the format',
      }
    }
    return { size: blob.size, indexSize: blob.indexSize, imageSize: 0 }
  }

  async #takeAll(): Promise<void> {
    for (let event = this.#reader.next(); event !== undefined; event = this.#reader.next()) {
      const wait = this.#build.take(event)
      if (wait !== undefined) await wait
    }
  }
}
