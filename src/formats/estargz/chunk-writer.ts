import { createHash, type Hash } from 'node:crypto'
import { digestFrom, type Digest } from '../../oci/digest.ts'
import type { MemberCodec } from '../deflate/compress-batch.ts'
import type { StreamHash } from '../../streams/twin-hash.ts'
import type { BatchHost, Wait } from '../../threads/batch-host.ts'
import { MemberStream } from '../deflate/member-stream.ts'
import type { TarEntry } from '../tar/entry.ts'
import { END_OF_TAR, paddingSize } from '../tar/writer.ts'
import { TocBuilder, type Row } from './toc-builder.ts'

/** How a layer is cut and compressed. */
export interface ChunkFormat {
  codec: MemberCodec
  /** Bytes of file content in a chunk: what a reader fetches and decompresses at least. */
  chunkSize: number
  /** Uncompressed bytes below which a member goes on with the next file; 0: each chunk has a member of its own. */
  minChunkSize: number
  /** Which chunks say their size: full ones, as upstream's eStargz, or all of files of several, as containers/storage. */
  chunkSizes: 'full' | 'several'
}

/** Where a layer is written to. */
export interface BlobOutput {
  /** Takes the blob's bytes in order; they are valid during the call. */
  write(bytes: Uint8Array): void
  /** Takes the tar. */
  tarHash: StreamHash
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
  #name = ''
  #row: Row = 0
  #chunkRow: Row = 0
  #fileSize = 0
  #fileDone = 0
  #chunkSize = 0
  #chunkDone = 0
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
      this.#row = this.toc.add(entry, undefined, extra)
      return wait
    }
    return this.#file(entry, ownMember, extra, wait)
  }

  /** Writes content of the entry written last: as many bytes in all as its size says. */
  data(bytes: Uint8Array): Wait {
    const piece =
      bytes.length <= this.#chunkSize - this.#chunkDone
        ? bytes
        : bytes.subarray(0, this.#chunkSize - this.#chunkDone)
    // The chunk has room: nothing to wait for.
    void this.stream.append(piece)
    this.#fileHash?.update(piece)
    this.#chunkDone += piece.length
    if (this.#chunkDone < this.#chunkSize) return undefined
    this.stream.endPart(this.#chunkSize, this.#chunkRow)
    this.#fileDone += this.#chunkSize
    if (this.#fileDone < this.#fileSize) return this.#nextChunk(bytes.subarray(piece.length))
    if (this.#fileHash) {
      this.toc.setDigest(this.#row, this.#fileHash.digest('hex'))
      this.#fileHash = undefined
    }
    return this.stream.append(END_OF_TAR.subarray(0, paddingSize(this.#fileSize)))
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

  async #file(entry: TarEntry, ownMember: boolean, extra: string, wait: Wait): Promise<void> {
    const { chunkSize } = this.#format
    await wait
    this.#name = entry.name
    this.#fileSize = entry.size
    this.#fileDone = 0
    const single = entry.size <= chunkSize
    this.#fileHash = single ? undefined : createHash('sha256')
    const chunk = await this.#beginChunk(ownMember)
    this.#row = this.#chunkRow = this.toc.add(entry, { ...chunk, single }, extra)
  }

  async #nextChunk(rest: Uint8Array): Promise<void> {
    const chunkOffset = this.#fileDone
    const chunk = await this.#beginChunk(false)
    this.#chunkRow = this.toc.addChunk(this.#name, chunkOffset, chunk)
    if (rest.length > 0) await this.data(rest)
  }

  async #beginChunk(
    ownMember: boolean,
  ): Promise<{ chunkSize: number; innerOffset: number; member: number }> {
    const { chunkSize, minChunkSize, chunkSizes } = this.#format
    const { stream } = this
    this.#chunkSize = Math.min(chunkSize, this.#fileSize - this.#fileDone)
    this.#chunkDone = 0
    if (ownMember || stream.memberSize >= minChunkSize || !stream.fits(this.#chunkSize)) {
      await stream.cut(this.#chunkSize + minChunkSize)
    }
    // As upstream: a full chunk says its size even where it is the last.
    const says = chunkSizes === 'full' ? this.#chunkSize === chunkSize : this.#fileSize > chunkSize
    return {
      chunkSize: says ? this.#chunkSize : 0,
      innerOffset: stream.memberSize,
      member: stream.member,
    }
  }
}
