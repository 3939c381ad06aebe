import { createHash } from 'node:crypto'
import { digestFrom, type Digest } from '../../oci/digest.ts'
import type { BatchHost, Wait } from '../../threads/batch-host.ts'
import { FixedCuts } from '../estargz/chunk-cuts.ts'
import { RollingCuts } from '../estargz/rolling-cuts.ts'
import { ChunkWriter, type BlobOutput, type EntryInit } from '../estargz/chunk-writer.ts'
import type { TocBuilder, Row } from '../estargz/toc-builder.ts'
import { writeLandmark } from '../estargz/write.ts'
import type { EstargzBlob, LayerEnd, LayerWriter } from '../estargz/write.ts'
import type { TarEntry } from '../tar/entry.ts'
import { END_OF_TAR, paddingSize } from '../tar/writer.ts'
import { exactRow } from './exact-row.ts'
import { encodeContainersFooter, encodeStargzFooter, skippableHeader } from './footer.ts'
import type { Position } from './footer.ts'
import { MAX_TOC_SIZE } from './layout.ts'
import { Packer, type Packed } from './packed.ts'
import { TarSplitBuilder } from './tar-split.ts'

/** Which readers a blob is for: the stargz snapshotter, containers/storage, or both. */
export type Dialect = 'stargz' | 'containers' | 'both'

/** How a layer is cut and compressed. */
export interface ZstdChunkedFormat {
  dialect: Dialect
  /** 1 to 22. */
  level: number
  /** Bytes of file content in a chunk: what a reader fetches and decompresses at least. With `rolling` the most. */
  chunkSize: number
  /** Chunks are cut by content and have at least `smallest` bytes; absent: all are of `chunkSize`. */
  rolling?: { smallest: number }
  /** Uncompressed bytes below which a frame goes on with the next file; only stargz can read it. */
  minChunkSize: number
}

/** What a finished blob is. */
export interface ZstdChunkedBlob extends EstargzBlob {
  toc: Position
  /** Of the compressed TOC. */
  compressedTocDigest: Digest
  /** Absent where containers/storage cannot take the layer in part; then it must not be told that it could. */
  tarSplit?: Position
}

/**
 * Writes a zstd:chunked blob. Its tar is the entries as given; for containers/storage without a landmark where
 * nothing is prefetched, and with as many zeros at its end as the source has, so that a layer that the rules leave
 * alone keeps its diffID.
 */
export class ZstdChunkedWriter implements LayerWriter<ZstdChunkedBlob> {
  readonly #chunks: ChunkWriter
  readonly #format: ZstdChunkedFormat
  #tarSplit: TarSplitBuilder | undefined
  #empty = true
  #left = 0
  #size = 0

  constructor(host: BatchHost, format: ZstdChunkedFormat, output: BlobOutput) {
    const { dialect, level, chunkSize, minChunkSize, rolling } = format
    this.#format = format
    this.#tarSplit = dialect === 'stargz' ? undefined : new TarSplitBuilder(level)
    const chunkSizes = dialect === 'stargz' && !rolling ? 'full' : 'several'
    const cuts = rolling ? new RollingCuts(rolling.smallest) : new FixedCuts(chunkSize)
    const codec = { format: 'zstd', level } as const
    this.#chunks = new ChunkWriter(host, { codec, cuts, minChunkSize, chunkSizes }, output)
  }

  get toc(): TocBuilder {
    return this.#chunks.toc
  }

  get written(): number {
    return this.#chunks.written
  }

  get row(): Row {
    return this.#chunks.row
  }

  /** To containers/storage a landmark is a file like others: it gets one only where something is prefetched. */
  async landmark(prefetch: boolean): Promise<void> {
    const { dialect } = this.#format
    if (dialect === 'stargz' || (dialect === 'both' && prefetch)) {
      await writeLandmark(this, prefetch)
    }
  }

  entry(entry: TarEntry, header: Uint8Array, init: EntryInit = {}): Wait {
    this.#empty = false
    if (this.#tarSplit === undefined) return this.#chunks.entry(entry, header, init)
    const exact = exactRow(entry, header)
    if (exact === undefined) {
      this.#dropTarSplit()
      return this.#chunks.entry(entry, header, init)
    }
    this.#left = this.#size = entry.size
    this.#tarSplit.header(exact.header, entry.name, entry.size)
    return this.#chunks.entry(exact.entry, exact.header, { ...init, extra: exact.extra })
  }

  data(bytes: Uint8Array): Wait {
    if (this.#tarSplit !== undefined) {
      this.#left -= bytes.length
      const padding = this.#left > 0 ? 0 : paddingSize(this.#size)
      this.#tarSplit.content(bytes, END_OF_TAR.subarray(0, padding))
    }
    return this.#chunks.data(bytes)
  }

  async settle(): Promise<void> {
    // The stargz snapshotter does not mount a layer without any entry.
    if (this.#empty && this.#format.dialect === 'both') await writeLandmark(this, false)
    await this.#chunks.stream.flush()
  }

  async abandon(): Promise<void> {
    this.#dropTarSplit()
    await this.#chunks.stream.abandon()
  }

  get tocSize(): number {
    return this.toc.size(this.#chunks.stream.offsets, tarSplitText('0'.repeat(71)))
  }

  async finish({ zeros, exact }: LayerEnd): Promise<ZstdChunkedBlob> {
    const { stream } = this.#chunks
    const { dialect } = this.#format
    const end = dialect === 'stargz' ? END_OF_TAR.length : zeros
    for (let left = end; left > 0; left -= END_OF_TAR.length) {
      await stream.append(END_OF_TAR.subarray(0, left))
    }
    const diffId = await stream.finish()
    if (!exact || this.#tarSplit?.tooLarge === true) this.#dropTarSplit()
    const tarSplit = this.#tarSplit?.end(end)
    const extra = tarSplit === undefined ? '' : tarSplitText(tarSplit.digest)
    const { packed: toc, digest: tocDigest } = this.#packToc(extra)
    const contentSize = this.written
    if (toc.uncompressedSize > MAX_TOC_SIZE) {
      throw new RangeError(`a TOC of ${toc.uncompressedSize} bytes`)
    }
    const tocPosition = this.#emitFrame(toc)
    const tarSplitPosition = tarSplit === undefined ? undefined : this.#emitFrame(tarSplit)
    this.#chunks.emit(
      dialect === 'containers' && tarSplitPosition !== undefined
        ? encodeContainersFooter(tocPosition, tarSplitPosition)
        : encodeStargzFooter(tocPosition),
    )
    return {
      ...this.#chunks.finish(),
      diffId,
      uncompressedSize: stream.size,
      tocDigest,
      toc: tocPosition,
      compressedTocDigest: toc.digest,
      indexSize: this.written - contentSize,
      ...(tarSplitPosition === undefined ? {} : { tarSplit: tarSplitPosition }),
    }
  }

  #packToc(extra: string): { packed: Packed; digest: Digest } {
    const packer = new Packer(this.#format.level)
    const hash = createHash('sha256')
    for (const piece of this.toc.pieces(this.#chunks.stream.offsets, extra)) {
      hash.update(piece)
      packer.add(piece)
    }
    return { packed: packer.finish(), digest: digestFrom(hash) }
  }

  #emitFrame({ pieces, size, uncompressedSize }: Packed): Position {
    this.#chunks.emit(skippableHeader(size))
    const offset = this.written
    for (const piece of pieces) this.#chunks.emit(piece)
    return { offset, size, uncompressedSize }
  }

  #dropTarSplit(): void {
    this.#tarSplit?.close()
    this.#tarSplit = undefined
  }
}

function tarSplitText(digest: string): string {
  return `,"tarSplitDigest":"${digest}"`
}
