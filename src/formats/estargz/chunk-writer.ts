import { createHash, type Hash } from 'node:crypto'
import { digestFrom, type Digest } from '../../oci/digest.ts'
import type { MemberCodec } from '../deflate/compress-batch.ts'
import type { StreamHash } from '../../streams/twin-hash.ts'
import type { BatchHost, Wait } from '../../threads/batch-host.ts'
import { MemberStream, type InflateBack } from '../deflate/member-stream.ts'
import type { TarEntry } from '../tar/entry.ts'
import { END_OF_TAR, paddingSize } from '../tar/writer.ts'
import type { ChunkCuts } from './chunk-cuts.ts'
import { TocBuilder, type Row } from './toc-builder.ts'

/** How a layer is cut and compressed. */
export interface ChunkFormat {
  codec: MemberCodec
  cuts: ChunkCuts
  /** Uncompressed bytes below which a member goes on with the next file; 0: each chunk has a member of its own. */
  minChunkSize: number
  /** Which chunks say their size: the largest, as upstream's eStargz, or all of files of several, as containers/storage. */
  chunkSizes: 'full' | 'several'
}

/** Where a layer is written to. */
export interface BlobOutput {
  /** Takes the blob's bytes in order; they are valid during the call. */
  write(bytes: Uint8Array): void
  /** Takes the tar. */
  tarHash: StreamHash
  /** As of MemberStream. */
  inflateBack?: InflateBack | undefined
}

/** What is said of an entry besides what is in it. */
export interface EntryInit {
  /** Its content begins a member whatever `minChunkSize` says. */
  ownMember?: boolean
  /** More of its row, as text, each with a comma before it. */
  extra?: string
}

/**
 * Writes the entries of a lazily readable blob, and collects their rows: entries in order, each followed by its
 * content. What comes behind the last is the caller's: TOC and footer differ between formats.
 *
 * Members begin where readers need them: at the first byte of each chunk. Padding and headers that follow a chunk
 * stay in its member.
 */
export class ChunkWriter {
  readonly toc = new TocBuilder()
  readonly stream: MemberStream
  readonly #format: ChunkFormat
  readonly #output: BlobOutput
  readonly #blobHash = createHash('sha256')
  #blobSize = 0
  #row: Row = 0
  /** The file whose content is written. */
  #file: { entry: TarEntry; extra: string } | undefined = undefined
  #fileDone = 0
  /** Of the chunk that is written. */
  #chunkDone = 0
  #innerOffset = 0
  /** Of a file of several chunks; that of a file of one is its chunk's, which a batch thread takes. */
  #fileHash: Hash | undefined = undefined

  constructor(host: BatchHost, format: ChunkFormat, output: BlobOutput) {
    this.#format = format
    this.#output = output
    this.stream = new MemberStream(host, {
      codec: format.codec,
      write: (bytes) => this.emit(bytes),
      onDigest: (row, hex) => this.toc.setChunkDigest(row, hex),
      hash: output.tarHash,
      inflateBack: output.inflateBack,
    })
  }

  /** Bytes of the blob written so far. */
  get written(): number {
    return this.#blobSize
  }

  /** The row of the entry written last. */
  get row(): Row {
    return this.#row
  }

  /** Writes the header blocks of `entry` and its row; a file's content follows by `data`. */
  entry(entry: TarEntry, header: Uint8Array, { ownMember = false, extra = '' }: EntryInit): Wait {
    const wait = this.stream.append(header)
    if (entry.size === 0) {
      this.#row = this.toc.add(entry, extra)
      return wait
    }
    return this.#beginFile(entry, ownMember, extra, wait)
  }

  /** Writes content of the entry written last: as many bytes in all as its size says. */
  data(bytes: Uint8Array): Wait {
    this.#format.cuts.push(bytes)
    return this.#write()
  }

  /** Writes bytes of the blob that are in no member. All members before it must be written. */
  emit(bytes: Uint8Array): void {
    this.#blobHash.update(bytes)
    this.#blobSize += bytes.length
    this.#output.write(bytes)
  }

  /** Digest and size of the blob; nothing may follow. */
  finish(): { digest: Digest; size: number } {
    return { digest: digestFrom(this.#blobHash), size: this.#blobSize }
  }

  async #beginFile(entry: TarEntry, ownMember: boolean, extra: string, wait: Wait): Promise<void> {
    await wait
    this.#format.cuts.begin(entry.size)
    this.#file = { entry, extra }
    this.#fileDone = 0
    this.#row = this.toc.reserve()
    await this.#beginChunk(ownMember)
  }

  /** Writes the pieces that are cut. */
  #write(): Wait {
    const { cuts } = this.#format
    for (let piece = cuts.next(); piece !== undefined; piece = cuts.next()) {
      const { bytes, ends } = piece
      // The chunk has room: nothing to wait for.
      void this.stream.append(bytes)
      this.#fileHash?.update(bytes)
      this.#chunkDone += bytes.length
      if (ends === undefined) continue
      const wait = this.#endChunk(ends === 'zeros')
      if (wait !== undefined) return this.#writeAfter(wait)
    }
    return undefined
  }

  async #writeAfter(wait: Promise<void>): Promise<void> {
    await wait
    await this.#write()
  }

  /** Says the row of the chunk that is written, and begins the next, or ends the file. */
  #endChunk(zeros: boolean): Wait {
    const { entry, extra } = this.#file!
    const { stream, toc } = this
    const { cuts, chunkSizes } = this.#format
    const size = this.#chunkDone
    const single = size === entry.size
    // As upstream: a full chunk says its size even where it is the last.
    const says = chunkSizes === 'full' ? size === cuts.largest : !single
    const chunk = {
      chunkSize: says ? size : 0,
      innerOffset: this.#innerOffset,
      member: stream.member,
      zeros: zeros && !single,
    }
    if (this.#fileDone === 0) {
      toc.addFile(this.#row, entry, { ...chunk, single }, extra)
      stream.endPart(size, this.#row)
      if (!single) this.#fileHash = createHash('sha256').update(stream.last(size))
    } else {
      stream.endPart(size, toc.addChunk(entry.name, this.#fileDone, chunk))
    }
    this.#fileDone += size
    if (this.#fileDone < entry.size) return this.#beginChunk(false)
    if (this.#fileHash) toc.setDigest(this.#row, this.#fileHash.digest('hex'))
    this.#fileHash = this.#file = undefined
    return stream.append(END_OF_TAR.subarray(0, paddingSize(entry.size)))
  }

  #beginChunk(ownMember: boolean): Wait {
    const { cuts, minChunkSize } = this.#format
    const { stream } = this
    const room = Math.min(cuts.largest, this.#file!.entry.size - this.#fileDone)
    this.#chunkDone = 0
    if (!ownMember && stream.memberSize < minChunkSize && stream.fits(room)) {
      this.#innerOffset = stream.memberSize
      return undefined
    }
    this.#innerOffset = 0
    return stream.cut(room + minChunkSize)
  }
}
