import { BlobWriter, type ChunkTableLocation } from '../../formats/nydus-blob/blob-writer.ts'
import { openPieceCompressor } from '../../formats/nydus-blob/chunk-codec.ts'
import { BlobFeature, NATIVE_LAYER_FEATURES } from '../../formats/nydus-blob/feature.ts'
import { endWithBootstrap, type FinishedBlob } from './blob-end.ts'
import { layerBlobs } from './layer-blobs.ts'
import type { LayerBuild } from './layer-build.ts'
import type { NydusFormat } from './options.ts'
import { prefetchNodes } from './prefetch.ts'
import { rafsOf, type RafsBlob } from './rafs.ts'

/**
 * Writes the blob of one layer: its chunks as they come, then chunk table, digests, the layer's bootstrap and the table
 * of contents; in v5 the bootstrap alone. The bootstrap is made and compressed in pieces.
 */
export class LayerBlob {
  readonly #format: NydusFormat
  readonly #write: (bytes: Uint8Array) => void
  readonly #blob = new BlobWriter()

  constructor(format: NydusFormat, write: (bytes: Uint8Array) => void) {
    this.#format = format
    this.#write = write
  }

  /** Bytes so far. */
  get size(): number {
    return this.#blob.position
  }

  /** Takes stored chunks; valid during the call. */
  data(bytes: Uint8Array): void {
    this.#blob.data(bytes)
    this.#write(bytes)
  }

  /** After all chunks of `build` are written. `dictionary`: the entries of its blobs. Throws FORMAT_LIMIT_EXCEEDED. */
  async finish(
    build: LayerBuild,
    init: { prefetch: readonly string[]; dictionary: readonly RafsBlob[] },
  ): Promise<FinishedBlob> {
    const { version, codec } = this.#format
    const { tree } = build.layer
    const own = build.chunks.count > 0 ? this.#ownBlob(build) : undefined
    const bootstrap = rafsOf(version).write(tree, {
      blobs: layerBlobs(tree, own, init.dictionary),
      compressor: codec.compressor,
      digester: 'blake3',
      xattrs: tree.inodes.xattrs.count > 0,
      prefetch: prefetchNodes(tree, init.prefetch).nodes,
    })
    return endWithBootstrap({ blob: this.#blob, write: this.#write }, version, bootstrap)
  }

  /** Ends the data and writes the tables of the chunks. */
  #ownBlob({ chunks }: LayerBuild): RafsBlob {
    const { version, codec, chunkSize, aligned } = this.#format
    const { compressor } = codec
    this.#write(this.#blob.endData(chunks.uncompressedSize))
    const common = {
      chunkSize,
      chunkCount: chunks.count,
      compressor,
      digester: 'blake3' as const,
      dataSize: chunks.dataSize,
      uncompressedSize: chunks.uncompressedSize,
    }
    if (version === 5) {
      const features = aligned ? BlobFeature.aligned : 0
      const rest = { features, bootstrapOffset: this.#blob.position, chunkTable: undefined }
      return rafsOf(5).ownBlob({ ...common, ...rest })
    }
    const batched = this.#format.batchSize > 0
    const features =
      NATIVE_LAYER_FEATURES | (batched ? BlobFeature.batch | BlobFeature.chunkInfoV2 : 0)
    const chunkTable = this.#chunkTable(chunks, batched, features)
    const rest = { features, bootstrapOffset: this.#blob.position, chunkTable }
    return rafsOf(6).ownBlob({ ...common, ...rest })
  }

  #chunkTable(
    chunks: LayerBuild['chunks'],
    batched: boolean,
    features: number,
  ): ChunkTableLocation {
    // The snapshotter decodes tables in zstd and none in lz4.
    const compressor = openPieceCompressor(
      this.#format.codec.compressor === 'none' ? 'none' : 'zstd',
    )
    try {
      const table = {
        v2: batched,
        count: chunks.count,
        chunks: chunks.chunkInfos(),
        ...(batched ? { batches: [...chunks.batches] } : {}),
      }
      const init = { features, compressor }
      const { pieces, location } = this.#blob.chunkTable(table, chunks.digests(), init)
      for (const piece of pieces) this.#write(piece)
      return location
    } finally {
      compressor.close()
    }
  }
}
