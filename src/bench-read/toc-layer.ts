import { PREFETCH_LANDMARK, TOC_DIGEST_ANNOTATION } from '../formats/estargz/layout.ts'
import { openEstargz, type Estargz, type EstargzChunk } from '../formats/estargz/read.ts'
import type { Listing } from '../formats/listing/listing.ts'
import { openZstdChunked } from '../formats/zstd-chunked/read.ts'
import { AccelError } from '../errors/accel-error.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { Findings } from '../verify/finding.ts'
import { isOfTheFormat } from '../formats/estargz/layout.ts'
import { listRows } from '../verify/toc-rows.ts'
import type { MeteredRepository } from './metered-repository.ts'
import { RegionBlob } from './region-blob.ts'
import type { SparseBlob } from './sparse-blob.ts'

/** Compressed bytes that are read ahead of decompression. Source: stargz-snapshotter estargz/estargz.go (fileReader.ReadAt). */
const READ_AHEAD = 2 * 1024 * 1024

/** An eStargz or zstd:chunked layer as stargz-snapshotter has it mounted. */
export class TocLayer {
  readonly listing: Listing
  readonly #layer: Estargz
  readonly #blob: RegionBlob

  private constructor(layer: Estargz, blob: RegionBlob, listing: Listing) {
    this.#layer = layer
    this.#blob = blob
    this.listing = listing
  }

  /**
   * Opens a layer with the requests of the snapshotter: two bytes, to see whether it is redirected, its size, the footer,
   * the TOC. Source: stargz-snapshotter fs/remote/resolver.go (newHTTPFetcher), estargz/estargz.go (Open).
   */
  static async open(
    repository: MeteredRepository,
    sparse: SparseBlob,
    { what, format }: { what: string; format: 'estargz' | 'zstd-chunked' },
  ): Promise<TocLayer> {
    const { descriptor } = sparse
    await repository.range(descriptor, 0, Math.min(2, descriptor.size))
    await repository.head(descriptor)
    const blob = new RegionBlob(sparse)
    const layer = await openToc(blob, descriptor, what, format)
    const findings = new Findings()
    const listing = listRows(layer.toc.entries, { skip: isOfTheFormat, findings })
    const [problem] = findings.kept
    if (problem === undefined) return new TocLayer(layer, blob, listing)
    throw new AccelError('BENCH_UNREADABLE', {
      image: what,
      why: `${problem.path}: ${problem.problem}`,
    })
  }

  /**
   * Fetches all up to the landmark in one request, and decompresses and verifies the files before it.
   * Source: stargz-snapshotter fs/layer/layer.go (prefetch).
   */
  async prefetch(): Promise<void> {
    const landmark = this.#layer.entry(PREFETCH_LANDMARK)?.offset ?? 0
    if (landmark === 0) return
    await this.#blob.ensure(0, landmark)
    for (const row of this.#layer.toc.entries) {
      if (row.type !== 'reg' || (row.offset ?? 0) >= landmark) continue
      for (const chunk of this.#layer.chunks(row)) await this.#layer.readChunk(chunk)
    }
  }

  /** The bytes of a part of a file, by its path in this layer; each chunk is decompressed and verified as a whole. */
  async *read(path: string, offset: number, length: number): AsyncGenerator<Uint8Array> {
    const file = this.#layer.entry(path)
    if (file === undefined) return
    const chunks = this.#layer.chunks(file)
    const fileEnd = chunks.at(-1)?.blobEnd ?? 0
    const end = offset + length
    for (const chunk of chunks) {
      if (chunk.offset + chunk.size <= offset) continue
      if (chunk.offset >= end) return
      await this.#fetch(chunk, fileEnd)
      const bytes = await this.#layer.readChunk(chunk)
      yield bytes.subarray(Math.max(0, offset - chunk.offset), end - chunk.offset)
    }
  }

  /** Reading ahead does not stop at the end of the chunk, but at that of the file. */
  async #fetch({ blobOffset, blobEnd }: EstargzChunk, fileEnd: number): Promise<void> {
    for (let at = blobOffset; at < blobEnd; at += READ_AHEAD) {
      await this.#blob.ensure(at, Math.min(READ_AHEAD, fileEnd - at))
    }
  }
}

function openToc(
  blob: RegionBlob,
  { size, annotations = {} }: Descriptor,
  what: string,
  format: 'estargz' | 'zstd-chunked',
): Promise<Estargz> {
  const readAt = (offset: number, length: number): Promise<Uint8Array> => blob.read(offset, length)
  if (format === 'zstd-chunked') {
    return openZstdChunked(readAt, { what, size, annotations, tarSplit: false })
  }
  const tocDigest = annotations[TOC_DIGEST_ANNOTATION]
  return openEstargz(readAt, { what, size, ...(tocDigest === undefined ? {} : { tocDigest }) })
}
