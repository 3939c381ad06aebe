import { createHash, hash } from 'node:crypto'
import { AccelError } from '../../errors/accel-error.ts'
import { compareBytes } from '../nydus-tree/name-order.ts'
import { DIGEST_SIZE } from '../nydus-tree/chunk-store.ts'
import type { Compressor } from './algorithm.ts'
import { type BlobCipher, decryptPiece } from './cipher.ts'
import { decompressPiece } from './chunk-codec.ts'
import type { ChunkInfo } from './chunk-info.ts'
import {
  type ChunkBounds,
  decodeChunkTable,
  decodeChunkTableHeader,
  MAX_CHUNK_TABLE,
  type ReadChunkTable,
} from './chunk-table.ts'
import { ChunkTableHeader } from './layout.ts'
import { decodeSectionHeader, SECTION_HEADER_SIZE } from './section-header.ts'
import { decodeToc, SectionName, type TocItem } from './toc.ts'

/** A file, or a blob in a registry, of which parts are read. */
export interface BlobSource {
  /** Bytes. */
  size: number
  /** Exactly `length` bytes from `offset` on. */
  read(offset: number, length: number): Promise<Uint8Array>
}

/** One section of a blob. */
export interface BlobSection {
  name: string
  offset: number
  size: number
}

interface OpenedBlob {
  source: BlobSource
  what: string
  cipher: BlobCipher | undefined
}

/** Bytes that are read at a time. */
const READ_SIZE = 1024 * 1024

/** Sections of one blob: five, unless somebody makes more. */
const MAX_SECTIONS = 32

/** Largest bootstrap that is taken out of a blob. Source: the limits of the readers, rafs-v5 and rafs-v6. */
const MAX_BOOTSTRAP = 2 * 1024 * 1024 * 1024

/**
 * A Nydus blob with tar headers, as nydus 2.2 and later and we write it. Found from its end: every section is
 * followed by a header that says how long it is. Throws FORMAT_TRUNCATED, FORMAT_INVALID, FORMAT_LIMIT_EXCEEDED.
 */
export class BlobReader {
  readonly sections: readonly BlobSection[]
  /** Absent in v5 blobs. */
  readonly toc: readonly TocItem[] | undefined
  readonly #source: BlobSource
  readonly #what: string
  readonly #cipher: BlobCipher | undefined

  private constructor(
    { source, what, cipher }: OpenedBlob,
    sections: BlobSection[],
    toc?: TocItem[],
  ) {
    this.#source = source
    this.#what = what
    this.#cipher = cipher
    this.sections = sections
    this.toc = toc
  }

  /**
   * Finds the sections of a blob and reads its ToC; `what` names the blob in messages. An encrypted one needs its
   * `cipher`, which is in its entry of the blob table, for chunks and their table.
   */
  static async open(source: BlobSource, what: string, cipher?: BlobCipher): Promise<BlobReader> {
    const blob = { source, what, cipher }
    const sections: BlobSection[] = []
    for (let end = source.size; end > 0;) {
      const at = end - SECTION_HEADER_SIZE
      if (at < 0) throw invalid(what, end, `${end} bytes before the first section`)
      const { name, size } = decodeSectionHeader(
        await source.read(at, SECTION_HEADER_SIZE),
        at,
        what,
      )
      if (size > at) throw invalid(what, at, `a section ${name} of ${size} bytes`)
      sections.unshift({ name, offset: at - size, size })
      if (sections.length > MAX_SECTIONS) throw invalid(what, at, 'more sections than any blob has')
      end = at - size
    }
    const last = sections.at(-1)
    if (last?.name !== SectionName.toc) return new BlobReader(blob, sections)
    if (last.size > 4096) throw invalid(what, last.offset, `a ToC of ${last.size} bytes`)
    const toc = decodeToc(await source.read(last.offset, last.size), what)
    return new BlobReader(blob, sections, toc)
  }

  /** The section called `name`, or undefined. */
  section(name: string): BlobSection | undefined {
    return this.sections.find((section) => section.name === name)
  }

  /** The chunk table, or undefined where the blob has none. */
  async chunkTable(
    bounds?: ChunkBounds,
  ): Promise<(ReadChunkTable & { header: ChunkTableHeader }) | undefined> {
    const stored = await this.chunkTableBytes()
    if (stored === undefined) return undefined
    const header = decodeChunkTableHeader(stored.header, this.#what)
    return { ...decodeChunkTable(stored.table, header, this.#what, bounds), header }
  }

  /** The bytes of the chunk table, uncompressed, and of its header, or undefined where the blob has none. */
  async chunkTableBytes(): Promise<{ table: Uint8Array; header: Uint8Array } | undefined> {
    const section = this.section(SectionName.chunkTable)
    if (section === undefined) return undefined
    const stored = section.size - ChunkTableHeader.size
    if (stored < 0 || stored > MAX_CHUNK_TABLE) {
      throw invalid(this.#what, section.offset, `a chunk table of ${section.size} bytes`)
    }
    const bytes = await this.#plain(section.offset + stored, ChunkTableHeader.size)
    const header = decodeChunkTableHeader(bytes, this.#what)
    const place = { offset: section.offset, header }
    const table = unpackChunkTable(await this.#plain(section.offset, stored), place, this.#what)
    return { table, header: bytes }
  }

  /** The digests of the chunks, 32 bytes each in order of index, or undefined. */
  async digests(): Promise<Uint8Array | undefined> {
    const section = this.section(SectionName.digests)
    if (section === undefined) return undefined
    if (section.size % DIGEST_SIZE !== 0 || section.size > MAX_CHUNK_TABLE) {
      throw invalid(this.#what, section.offset, `digests of ${section.size} bytes`)
    }
    return this.#source.read(section.offset, section.size)
  }

  /** The bootstrap of the layer, or undefined. v5 stores it as it is, v6 says in the ToC. */
  async bootstrap(): Promise<Uint8Array | undefined> {
    const section = this.section(SectionName.bootstrap)
    if (section === undefined) return undefined
    const item = this.toc?.find(({ name }) => name === SectionName.bootstrap)
    const size = item?.uncompressedSize ?? section.size
    if (Math.max(size, section.size) > MAX_BOOTSTRAP) {
      const limit = { limit: 'a bootstrap of bytes', value: size, max: MAX_BOOTSTRAP }
      throw new AccelError('FORMAT_LIMIT_EXCEEDED', {
        what: this.#what,
        format: 'Nydus blob',
        ...limit,
      })
    }
    const stored = await this.#source.read(section.offset, section.size)
    return decompressPiece(stored, item?.compressor ?? 'none', size, `${this.#what}, bootstrap`)
  }

  /** The bytes of a chunk that is in no batch and no zran context. */
  async chunk(info: ChunkInfo, compressor: Compressor): Promise<Uint8Array> {
    const read = await this.#source.read(info.compressedOffset, info.compressedSize)
    const what = `${this.#what}, chunk at ${info.compressedOffset}`
    const stored = info.encrypted ? this.#decrypted(read, what) : read
    return decompressPiece(
      stored,
      info.compressed ? compressor : 'none',
      info.uncompressedSize,
      what,
    )
  }

  /**
   * Checks every entry of the ToC, but those of `except`: that it is where it says, and its digest. Reads the whole blob.
   * The chunk table of an encrypted blob and its header need its cipher.
   */
  async checkToc(except: readonly string[] = []): Promise<void> {
    for (const item of this.toc ?? []) {
      if (except.includes(item.name)) continue
      const section = this.#sectionOf(item)
      const isData = item.name === SectionName.data
      if (
        isData
          ? item.compressedSize !== section.size
          : item.compressedOffset + item.compressedSize > section.offset + section.size
      ) {
        throw invalid(
          this.#what,
          item.compressedOffset,
          `the ToC puts ${item.name} outside its section`,
        )
      }
      // Old writers stated the size of the data as its offset.
      const offset = isData ? section.offset : item.compressedOffset
      const digest = isData
        ? await this.#digestOfData(section)
        : hash('sha256', await this.#content(item), 'buffer')
      if (compareBytes(digest, item.uncompressedDigest) !== 0) {
        throw invalid(this.#what, offset, `${item.name} has not the digest that the ToC says`)
      }
    }
  }

  async #content(item: TocItem): Promise<Uint8Array> {
    const isTable =
      item.name === SectionName.chunkTable || item.name === SectionName.chunkTableHeader
    const { compressedOffset, compressedSize } = item
    const stored = isTable
      ? await this.#plain(compressedOffset, compressedSize)
      : await this.#source.read(compressedOffset, compressedSize)
    const what = `${this.#what}, ${item.name}`
    return decompressPiece(stored, item.compressor, item.uncompressedSize, what)
  }

  /** A part of the chunk table or its header, decrypted where the blob is. */
  async #plain(offset: number, length: number): Promise<Uint8Array> {
    const stored = await this.#source.read(offset, length)
    if (this.#cipher === undefined) return stored
    return decryptPiece(stored, this.#cipher, `${this.#what}, chunk table`)
  }

  #decrypted(stored: Uint8Array, what: string): Uint8Array {
    if (this.#cipher !== undefined) return decryptPiece(stored, this.#cipher, what)
    throw invalid(what, 0, 'it is encrypted, and no key is given')
  }

  /** The digest that the ToC has of the data takes in the tar header behind it. */
  async #digestOfData({ offset, size }: BlobSection): Promise<Uint8Array> {
    const digest = createHash('sha256')
    const end = offset + size + SECTION_HEADER_SIZE
    for (let at = offset; at < end; at += READ_SIZE) {
      digest.update(await this.#source.read(at, Math.min(READ_SIZE, end - at)))
    }
    return digest.digest()
  }

  #sectionOf(item: TocItem): BlobSection {
    const name = item.name === SectionName.chunkTableHeader ? SectionName.chunkTable : item.name
    const section = this.section(name)
    if (section === undefined) {
      throw invalid(this.#what, item.compressedOffset, `the ToC has ${item.name}, the blob has not`)
    }
    return section
  }
}

/**
 * The chunk table of a blob of which a bootstrap says where it is, in one read: `size` stored bytes at `offset`, and the
 * header behind them. Throws FORMAT_TRUNCATED, FORMAT_INVALID, FORMAT_LIMIT_EXCEEDED.
 */
export async function readChunkTable(
  source: BlobSource,
  { offset, size }: { offset: number; size: number },
  what: string,
  cipher?: BlobCipher,
): Promise<ReadChunkTable> {
  const length = size + ChunkTableHeader.size
  if (size > MAX_CHUNK_TABLE || offset + length > source.size) {
    throw invalid(what, offset, `a chunk table of ${size} bytes`)
  }
  const bytes = await source.read(offset, length)
  const plain = (part: Uint8Array): Uint8Array =>
    cipher === undefined ? part : decryptPiece(part, cipher, `${what}, chunk table`)
  const header = decodeChunkTableHeader(plain(bytes.subarray(size)), what)
  const table = unpackChunkTable(plain(bytes.subarray(0, size)), { offset, header }, what)
  return decodeChunkTable(table, header, what)
}

/** The bytes of the table that is `stored` at `offset`, where its header must say that it is. */
function unpackChunkTable(
  stored: Uint8Array,
  { offset, header }: { offset: number; header: ReturnType<typeof decodeChunkTableHeader> },
  what: string,
): Uint8Array {
  const { compressor, ciOffset, ciCompressedSize, ciUncompressedSize } = header
  if (ciOffset !== offset || ciCompressedSize !== stored.length) {
    throw invalid(what, offset, `a table of ${ciCompressedSize} at ${ciOffset}`)
  }
  return decompressPiece(stored, compressor, ciUncompressedSize, `${what}, chunk table`)
}

function invalid(what: string, offset: number, problem: string): AccelError {
  return new AccelError('FORMAT_INVALID', { what, format: 'Nydus blob', offset, problem })
}
