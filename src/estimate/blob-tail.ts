import { BOOTSTRAP_PATH, BootstrapLayerWriter } from '../drivers/nydus/bootstrap-layer.ts'
import { BlobReader, type BlobSource } from '../formats/nydus-blob/blob-reader.ts'
import { blobMetaFile } from '../formats/nydus-blob/chunk-table.ts'

/**
 * The end of a Nydus blob that is written and not kept: its tables and its bootstrap. Memory: as much as these have, some hundred
 * bytes for each file and chunk.
 */
export class BlobTail {
  readonly #pieces: Uint8Array[] = []
  /** Bytes that were not kept. */
  #before = 0
  #size = 0
  #kept = false

  /** What is written from here on is kept. */
  begin(): void {
    this.#kept = true
  }

  write(bytes: Uint8Array): void {
    if (this.#kept) this.#pieces.push(bytes.slice())
    else this.#before += bytes.length
    this.#size += bytes.length
  }

  /**
   * Bytes of the layer that holds the bootstrap of an image with this blob alone. Bootstraps of several layers together are
   * about as large as the sum of theirs: only directories that several have count once.
   */
  async bootstrapLayerSize(what: string): Promise<number> {
    const bytes = Buffer.concat(this.#pieces)
    this.#pieces.length = 0
    const source: BlobSource = {
      size: this.#size,
      read: async (offset, length) =>
        bytes.subarray(offset - this.#before, offset - this.#before + length),
    }
    const reader = await BlobReader.open(source, what)
    const layer = new BootstrapLayerWriter(() => {})
    const bootstrap = (await reader.bootstrap()) ?? new Uint8Array(0)
    layer.file(BOOTSTRAP_PATH, bootstrap.length, [bootstrap])
    const table = await reader.chunkTableBytes()
    if (table !== undefined) {
      const file = blobMetaFile(table.table, table.header)
      layer.file('image/blob.meta', file.length, [file])
    }
    return layer.finish().size
  }
}
