import { createHash } from 'node:crypto'
import { digestFrom, type Digest } from '../../oci/digest.ts'
import { slabSizeFor } from '../deflate/slab-size.ts'
import type { BatchHost, Wait } from '../../threads/batch-host.ts'
import type { TarEntry } from '../tar/entry.ts'
import { encodeHeader, END_OF_TAR, paddingSize } from '../tar/writer.ts'
import { FixedCuts } from './chunk-cuts.ts'
import { ChunkWriter, type BlobOutput, type EntryInit } from './chunk-writer.ts'
import { encodeFooter } from './footer.ts'
import {
  LANDMARK_BYTE,
  MAX_TOC_SIZE,
  NO_PREFETCH_LANDMARK,
  PREFETCH_LANDMARK,
  TOC_NAME,
} from './layout.ts'
import type { TocBuilder, Row } from './toc-builder.ts'

/** How a layer is cut and compressed. */
export interface EstargzFormat {
  /** 1 to 12, libdeflate's scale. */
  level: number
  /** Bytes of file content in a chunk: what a reader fetches and decompresses at least. */
  chunkSize: number
  /** Uncompressed bytes below which a gzip member goes on with the next file; 0: each chunk has a member of its own. */
  minChunkSize: number
}

/** Bytes of the slabs that a writer of this format needs. */
export function estargzSlabSize(format: Pick<EstargzFormat, 'chunkSize' | 'minChunkSize'>): {
  input: number
  output: number
} {
  return slabSizeFor(format.chunkSize + format.minChunkSize)
}

/** What a finished blob is. */
export interface EstargzBlob {
  /** Of the blob. */
  digest: Digest
  size: number
  /** Of the uncompressed stream, TOC included. */
  diffId: Digest
  uncompressedSize: number
  tocDigest: Digest
  /** Bytes of the blob that say where the files are, instead of being theirs: the TOC and all behind it. */
  indexSize: number
}

/** How a layer ends, as far as it is known. */
export interface LayerEnd {
  /** Bytes of zero behind the last entry of the source, where the result is to have as many. */
  zeros: number
  /** Each entry that was written has its row, unchanged. */
  exact: boolean
}

/**
 * Writes a lazily readable blob: entries in order, each followed by its content, then `settle` and `finish`. Entries
 * are written as given; the rules about names, duplicates and whiteouts are the caller's.
 */
export interface LayerWriter<Blob> {
  readonly toc: TocBuilder
  /** Bytes of the blob written so far. */
  readonly written: number
  /** The row of the entry written last. */
  readonly row: Row
  /** Writes the landmark: what precedes it is fetched when the layer is mounted, or nothing is. */
  landmark(prefetch: boolean): Promise<void>
  /** Writes the header blocks of `entry` and its row; a file's content follows by `data`. */
  entry(entry: TarEntry, header: Uint8Array, init?: EntryInit): Wait
  /** Writes content of the entry written last: as many bytes in all as its size says. */
  data(bytes: Uint8Array): Wait
  /** Waits until the digests and offsets of all rows are known; then `toc` may be changed. */
  settle(): Promise<void>
  /** Bytes of the TOC as it is now; after `settle`. */
  readonly tocSize: number
  /** Writes TOC and footer; after `settle`. The TOC must not be larger than MAX_TOC_SIZE. */
  finish(end: LayerEnd): Promise<Blob>
  /** Gives up; nothing may follow. */
  abandon(): Promise<void>
}

/** Writes an eStargz blob. The TOC is the last entry of its tar, and a gzip member begins at its header. */
export class EstargzWriter implements LayerWriter<EstargzBlob> {
  readonly #chunks: ChunkWriter

  constructor(host: BatchHost, format: EstargzFormat, output: BlobOutput) {
    const { level, chunkSize, minChunkSize } = format
    const codec = { format: 'gzip', level } as const
    const cuts = new FixedCuts(chunkSize)
    const cut = { codec, cuts, minChunkSize, chunkSizes: 'full' } as const
    this.#chunks = new ChunkWriter(host, cut, output)
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

  async landmark(prefetch: boolean): Promise<void> {
    await writeLandmark(this, prefetch)
  }

  entry(entry: TarEntry, header: Uint8Array, init: EntryInit = {}): Wait {
    return this.#chunks.entry(entry, header, init)
  }

  data(bytes: Uint8Array): Wait {
    return this.#chunks.data(bytes)
  }

  settle(): Promise<void> {
    return this.#chunks.stream.flush()
  }

  abandon(): Promise<void> {
    return this.#chunks.stream.abandon()
  }

  get tocSize(): number {
    return this.toc.size(this.#chunks.stream.offsets)
  }

  async finish(): Promise<EstargzBlob> {
    const { stream } = this.#chunks
    const size = this.tocSize
    if (size > MAX_TOC_SIZE) throw new RangeError(`a TOC of ${size} bytes`)
    const tocHash = createHash('sha256')
    const { toc } = this
    const tar = function* (): Generator<Uint8Array> {
      yield encodeHeader(plainFile(TOC_NAME, size))
      for (const piece of toc.pieces(stream.offsets)) {
        tocHash.update(piece)
        yield piece
      }
      yield END_OF_TAR.subarray(0, paddingSize(size))
      yield END_OF_TAR
    }
    await stream.flush()
    const tocOffset = this.written
    // One member: the stargz snapshotter reads no further. Source: estargz gzip.go, `zr.Multistream(false)`.
    await stream.longMember(tar())
    const diffId = await stream.finish()
    this.#chunks.emit(encodeFooter(tocOffset))
    return {
      ...this.#chunks.finish(),
      diffId,
      uncompressedSize: stream.size,
      tocDigest: digestFrom(tocHash),
      indexSize: this.written - tocOffset,
    }
  }
}

/** Writes a landmark with `writer`. */
export async function writeLandmark(
  writer: Pick<LayerWriter<unknown>, 'entry' | 'data'>,
  prefetch: boolean,
): Promise<void> {
  const entry = plainFile(prefetch ? PREFETCH_LANDMARK : NO_PREFETCH_LANDMARK, 1)
  await writer.entry(entry, encodeHeader(entry), { ownMember: true })
  await writer.data(Uint8Array.of(LANDMARK_BYTE))
}

/** A file of our own: mode, owner and time 0, as upstream has landmarks and TOC. */
function plainFile(name: string, size: number): TarEntry {
  return {
    type: 'file',
    name,
    linkname: '',
    mode: 0,
    uid: 0,
    gid: 0,
    uname: '',
    gname: '',
    mtime: 0,
    mtimeNanoseconds: 0,
    size,
    devMajor: 0,
    devMinor: 0,
    typeflag: 0x30,
    sparse: false,
    fromGlobal: false,
    offset: 0,
  }
}
