import { createHash, type Hash } from 'node:crypto'
import { digestFrom, type Digest } from '../../oci/digest.ts'
import { MemberStream, slabSizeFor, type BatchHost, type Wait } from '../deflate/member-stream.ts'
import type { TarEntry } from '../tar/entry.ts'
import { encodeHeader, END_OF_TAR, paddingSize } from '../tar/writer.ts'
import { encodeFooter } from './footer.ts'
import {
  LANDMARK_BYTE,
  MAX_TOC_SIZE,
  NO_PREFETCH_LANDMARK,
  PREFETCH_LANDMARK,
  TOC_NAME,
} from './layout.ts'
import { TocBuilder, type Row } from './toc-builder.ts'

/** How a layer is cut and compressed. */
export interface EstargzFormat {
  /** 1 to 9, zlib's scale. */
  level: number
  /** Bytes of file content in a chunk: what a reader fetches and decompresses at least. */
  chunkSize: number
  /** Uncompressed bytes below which a gzip member goes on with the next file; 0: each chunk has a member of its own. */
  minChunkSize: number
}

/** Bytes of the slabs that a writer of this format needs. */
export function estargzSlabSize(format: EstargzFormat): { input: number; output: number } {
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
}

/**
 * Writes an eStargz blob, monotonic: entries in order, each followed by its content, then `finish`. Entries are
 * written as given; the rules about names, duplicates and whiteouts are the caller's.
 *
 * Members begin where readers need them: at the first byte of each chunk, and at the TOC's tar header. Padding and
 * headers that follow a chunk stay in its member.
 */
export class EstargzWriter {
  readonly toc = new TocBuilder()
  readonly #format: EstargzFormat
  readonly #stream: MemberStream
  readonly #write: (bytes: Uint8Array) => void
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

  /** `write` takes the blob's bytes in order; they are valid during the call. */
  constructor(host: BatchHost, format: EstargzFormat, write: (bytes: Uint8Array) => void) {
    this.#format = format
    this.#write = write
    this.#stream = new MemberStream(host, {
      level: format.level,
      write: (bytes) => this.#emit(bytes),
      onDigest: (row, hex) => this.toc.setChunkDigest(row, hex),
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

  /** Writes the landmark: what precedes it is fetched when the layer is mounted, or nothing is. */
  async landmark(prefetch: boolean): Promise<void> {
    const name = prefetch ? PREFETCH_LANDMARK : NO_PREFETCH_LANDMARK
    const entry = plainFile(name, 1)
    await this.entry(entry, encodeHeader(entry), true)
    await this.data(Uint8Array.of(LANDMARK_BYTE))
  }

  /**
   * Writes the header blocks of `entry` and its row; a file's content follows by `data`. `ownMember`: its content
   * begins a gzip member whatever `minChunkSize` says.
   */
  entry(entry: TarEntry, header: Uint8Array, ownMember = false): Wait {
    const wait = this.#stream.append(header)
    if (entry.size === 0) {
      this.#row = this.toc.add(entry)
      return wait
    }
    return this.#file(entry, ownMember, wait)
  }

  /** Writes content of the entry written last: as many bytes in all as its size says. */
  data(bytes: Uint8Array): Wait {
    const piece =
      bytes.length <= this.#chunkSize - this.#chunkDone
        ? bytes
        : bytes.subarray(0, this.#chunkSize - this.#chunkDone)
    // The chunk has room: nothing to wait for.
    void this.#stream.append(piece)
    this.#fileHash?.update(piece)
    this.#chunkDone += piece.length
    if (this.#chunkDone < this.#chunkSize) return undefined
    this.#stream.endPart(this.#chunkSize, this.#chunkRow)
    this.#fileDone += this.#chunkSize
    if (this.#fileDone < this.#fileSize) return this.#nextChunk(bytes.subarray(piece.length))
    if (this.#fileHash) {
      this.toc.setDigest(this.#row, this.#fileHash.digest('hex'))
      this.#fileHash = undefined
    }
    return this.#stream.append(END_OF_TAR.subarray(0, paddingSize(this.#fileSize)))
  }

  /** Waits until the digests and offsets of all rows are known; then `toc` may be changed. */
  settle(): Promise<void> {
    return this.#stream.flush()
  }

  /** Gives up; nothing may follow. */
  abandon(): Promise<void> {
    return this.#stream.abandon()
  }

  /** Bytes of the TOC as it is now; after `settle`. */
  get tocSize(): number {
    return this.toc.size(this.#stream.offsets)
  }

  /** Writes TOC and footer; after `settle`. The TOC must not be larger than MAX_TOC_SIZE. */
  async finish(): Promise<EstargzBlob> {
    const stream = this.#stream
    const size = this.tocSize
    if (size > MAX_TOC_SIZE) throw new RangeError(`a TOC of ${size} bytes`)
    const tocHash = createHash('sha256')
    await stream.cut(0)
    const tocOffset = this.#blobSize
    await stream.append(encodeHeader(plainFile(TOC_NAME, size)))
    for (const piece of this.toc.pieces(stream.offsets)) {
      tocHash.update(piece)
      await stream.append(piece)
    }
    await stream.append(END_OF_TAR.subarray(0, paddingSize(size)))
    await stream.append(END_OF_TAR)
    const diffId = await stream.finish()
    this.#emit(encodeFooter(tocOffset))
    return {
      digest: digestFrom(this.#blobHash),
      size: this.#blobSize,
      diffId,
      uncompressedSize: stream.size,
      tocDigest: digestFrom(tocHash),
    }
  }

  async #file(entry: TarEntry, ownMember: boolean, wait: Wait): Promise<void> {
    const { chunkSize } = this.#format
    await wait
    this.#name = entry.name
    this.#fileSize = entry.size
    this.#fileDone = 0
    const single = entry.size <= chunkSize
    this.#fileHash = single ? undefined : createHash('sha256')
    const chunk = await this.#beginChunk(ownMember)
    this.#row = this.#chunkRow = this.toc.add(entry, { ...chunk, single })
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
    const { chunkSize, minChunkSize } = this.#format
    const stream = this.#stream
    this.#chunkSize = Math.min(chunkSize, this.#fileSize - this.#fileDone)
    this.#chunkDone = 0
    if (ownMember || stream.memberSize >= minChunkSize || !stream.fits(this.#chunkSize)) {
      await stream.cut(this.#chunkSize + minChunkSize)
    }
    return {
      // As upstream: a full chunk says its size even where it is the last.
      chunkSize: this.#chunkSize === chunkSize ? chunkSize : 0,
      innerOffset: stream.memberSize,
      member: stream.member,
    }
  }

  #emit(bytes: Uint8Array): void {
    this.#blobHash.update(bytes)
    this.#blobSize += bytes.length
    this.#write(bytes)
  }
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
