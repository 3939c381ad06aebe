import type { Cipheriv } from 'node:crypto'
import { BlobWriter, type ChunkTableLocation } from '../../formats/nydus-blob/blob-writer.ts'
import type { BlobCipher } from '../../formats/nydus-blob/cipher.ts'
import { openPieceCompressor } from '../../formats/nydus-blob/chunk-codec.ts'
import { BlobFeature, hasFeature, NATIVE_LAYER_FEATURES } from '../../formats/nydus-blob/feature.ts'
import { endWithBootstrap, type FinishedBlob } from './blob-end.ts'
import { layerBlobs } from './layer-blobs.ts'
import type { LayerBuild } from './layer-build.ts'
import type { NydusFormat } from './options.ts'
import { prefetchNodes } from './prefetch.ts'
import { rafsOf, type RafsBlob } from './rafs.ts'

/** What a layer's blob is encrypted with. */
export interface BlobSecrets {
  /** Of chunks and their table; stands in the image's bootstrap. */
  cipher: BlobCipher
  /** Of the layer's own bootstrap; see seal.ts. */
  seal: Cipheriv
}

/**
 * Writes the blob of one layer: its chunks as they come, then chunk table, digests, the layer's bootstrap and the table
 * of contents; in v5 the bootstrap alone. The bootstrap is made and compressed in pieces.
 */
export class LayerBlob {
  readonly #format: NydusFormat
  readonly #secrets: BlobSecrets | undefined
  readonly #write: (bytes: Uint8Array) => void
  readonly #blob = new BlobWriter()

  constructor(
    format: NydusFormat,
    secrets: BlobSecrets | undefined,
    write: (bytes: Uint8Array) => void,
  ) {
    this.#format = format
    this.#secrets = secrets
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
    const open = { blob: this.#blob, write: this.#write, seal: this.#secrets?.seal }
    return endWithBootstrap(open, version, bootstrap)
  }

  /** Ends the data and writes the tables of the chunks. */
  #ownBlob({ chunks, what }: LayerBuild): RafsBlob {
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
    const cipher = this.#secrets?.cipher
    const features =
      NATIVE_LAYER_FEATURES |
      (batched ? BlobFeature.batch | BlobFeature.chunkInfoV2 : 0) |
      (cipher === undefined ? 0 : BlobFeature.encrypted | BlobFeature.chunkInfoV2)
    const chunkTable = this.#chunkTable(chunks, batched, features, what)
    const rest = { features, bootstrapOffset: this.#blob.position, chunkTable, cipher }
    return rafsOf(6).ownBlob({ ...common, ...rest })
  }

  #chunkTable(
    chunks: LayerBuild['chunks'],
    batched: boolean,
    features: number,
    what: string,
  ): ChunkTableLocation {
    // The snapshotter decodes tables in zstd and none in lz4.
    const compressor = openPieceCompressor(
      this.#format.codec.compressor === 'none' ? 'none' : 'zstd',
    )
    try {
      const table = {
        v2: hasFeature(features, BlobFeature.chunkInfoV2),
        count: chunks.count,
        chunks: chunks.chunkInfos(),
        ...(batched ? { batches: [...chunks.batches] } : {}),
      }
      const cipher = this.#secrets?.cipher
      const encryption = cipher === undefined ? undefined : { cipher, what }
      const init = { features, compressor, encryption }
      const { pieces, location } = this.#blob.chunkTable(table, chunks.digests(), init)
      for (const piece of pieces) this.#write(piece)
      return location
    } finally {
      compressor.close()
    }
  }
}
