import { LayerBlob } from '../drivers/nydus/layer-blob.ts'
import { LayerBuild } from '../drivers/nydus/layer-build.ts'
import type { NydusFormat } from '../drivers/nydus/options.ts'
import { TarReader } from '../formats/tar/reader.ts'
import { openStreamHash } from '../streams/twin-hash.ts'
import type { BatchHost } from '../threads/batch-host.ts'
import { BlobTail } from './blob-tail.ts'
import type { LayerSink, MadeLayer } from './layer-sink.ts'

/** Makes Nydus blobs as the driver does. Of a blob what follows the data of files is kept until it has ended. */
export class NydusSink implements LayerSink {
  readonly #what: string
  readonly #reader: TarReader
  readonly #hash = openStreamHash()
  readonly #tail = new BlobTail()
  readonly #blob: LayerBlob
  readonly #build: LayerBuild

  constructor(host: BatchHost, format: NydusFormat, what: string) {
    this.#what = what
    this.#reader = new TarReader({ what })
    const blob = new LayerBlob(format, undefined, (bytes) => this.#tail.write(bytes))
    this.#build = new LayerBuild(host, {
      what,
      format,
      dictionary: undefined,
      cipher: undefined,
      write: (bytes) => blob.data(bytes),
    })
    this.#blob = blob
  }

  async take(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes)
    this.#reader.push(bytes)
    await this.#takeAll()
  }

  async finish(): Promise<MadeLayer> {
    this.#reader.end()
    await this.#takeAll()
    await this.#build.finish()
    this.#hash.digest()
    this.#tail.begin()
    const { size } = await this.#blob.finish(this.#build, { prefetch: [], dictionary: [] })
    return { size, indexSize: 0, imageSize: await this.#tail.bootstrapLayerSize(this.#what) }
  }

  async #takeAll(): Promise<void> {
    for (let event = this.#reader.next(); event !== undefined; event = this.#reader.next()) {
      const wait = this.#build.take(event)
      if (wait !== undefined) await wait
    }
  }
}
