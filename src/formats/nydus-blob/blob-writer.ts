import { strict as assert } from 'node:assert'
import { createHash, hash } from 'node:crypto'
import { AccelError } from '../../errors/accel-error.ts'
import type { PieceCompressor } from './chunk-codec.ts'
import { type ChunkTable, encodeChunkTable, encodeChunkTableHeader } from './chunk-table.ts'
import type { Compressor } from './algorithm.ts'
import { type BlobCipher, encryptPiece, looksPadded, MAX_ENCRYPTED_PIECE } from './cipher.ts'
import { encodeSectionHeader, SECTION_HEADER_SIZE } from './section-header.ts'
import { encodeToc, SectionName, type TocItem } from './toc.ts'

/** Where the chunk table of a blob is, for the blob's entry in the bootstrap. */
export interface ChunkTableLocation {
  compressor: Compressor
  offset: number
  compressedSize: number
  uncompressedSize: number
}

/** What is known of a bootstrap once it has been stored. */
export interface StoredBootstrap {
  compressor: Extract<Compressor, 'none' | 'zstd'>
  /** Bytes as stored. */
  size: number
  uncompressedSize: number
  /** SHA-256 of the uncompressed bootstrap. */
  uncompressedDigest: Uint8Array
}

type State = 'data' | 'chunk-table' | 'before-bootstrap' | 'bootstrap' | 'toc' | 'done'

/**
 * Writes a Nydus blob from front to back: every section is its bytes and then a tar header.
 *
 *     data* -> endData -> chunkTable -> bootstrap* -> endBootstrap -> toc
 *
 * A layer without chunks begins with `bootstrap`; v5 leaves out `chunkTable` and `toc`. What the methods return is to
 * be appended to the file in that order; the writer keeps the running SHA-256 of it all.
 * Source: nydus builder/src/core/blob.rs, builder/src/lib.rs (dump_bootstrap, dump_toc).
 */
export class BlobWriter {
  readonly kind = 'monotonic'
  readonly #hash = createHash('sha256')
  readonly #toc: TocItem[] = []
  #state: State = 'data'
  #position = 0
  #sectionStart = 0

  /** Bytes so far. */
  get position(): number {
    return this.#position
  }

  /** Takes note of a stored chunk, which the caller appends to the file. */
  data(stored: Uint8Array): void {
    this.#expect('data')
    this.#note(stored)
  }

  /** Ends the data; `uncompressedSize` is that of the uncompressed blob. Returns the header to append. */
  endData(uncompressedSize: number): Uint8Array {
    this.#expect('data')
    const size = this.#position
    assert.ok(size > 0, 'a blob without data has no data section')
    const header = this.#header(SectionName.data, size)
    // The digest of this entry, unlike the others, takes in the tar header; it is that of the file so far.
    this.#toc.push({
      name: SectionName.data,
      compressor: 'none',
      uncompressedDigest: this.#hash.copy().digest(),
      compressedOffset: 0,
      compressedSize: size,
      uncompressedSize,
    })
    this.#state = 'chunk-table'
    return header
  }

  /**
   * Writes the chunk table, its header and the digests of the chunks (32 bytes each), which are never encrypted. Returns
   * pieces to append. Throws FORMAT_LIMIT_EXCEEDED where the table is too large to be encrypted.
   */
  chunkTable(
    table: ChunkTable,
    digests: Uint8Array,
    init: {
      features: number
      compressor: PieceCompressor
      /** Encrypts table and header; `what` names the blob in messages. */
      encryption?: { cipher: BlobCipher; what: string } | undefined
    },
  ): { pieces: Uint8Array[]; location: ChunkTableLocation } {
    this.#expect('data', 'chunk-table')
    const bytes = encodeChunkTable(table)
    const { features, encryption } = init
    const smaller = init.compressor.compress(bytes)
    const compressed =
      smaller === undefined || (encryption !== undefined && looksPadded(smaller))
        ? undefined
        : smaller
    const stored =
      encryption === undefined
        ? // A copy, as the compressor uses its buffer again; not slice(), which for a Buffer is none.
          new Uint8Array(compressed ?? bytes)
        : encryptTable(compressed ?? bytes, encryption)
    const location = {
      compressor: compressed === undefined ? ('none' as const) : init.compressor.compressor,
      offset: this.#position,
      compressedSize: stored.length,
      uncompressedSize: bytes.length,
    }
    const plain = encodeChunkTableHeader(table, { ...location, features, size: stored.length })
    const header = encryption === undefined ? plain : encryptPiece(plain, encryption.cipher)
    this.#enter(SectionName.chunkTable, bytes, stored, location.compressor)
    this.#note(stored)
    this.#enter(SectionName.chunkTableHeader, plain, header, 'none')
    this.#note(header)
    const tableEnd = this.#header(SectionName.chunkTable, stored.length + header.length)
    this.#enter(SectionName.digests, digests, digests, 'none')
    this.#note(digests)
    const digestsEnd = this.#header(SectionName.digests, digests.length)
    this.#state = 'before-bootstrap'
    return { pieces: [stored, header, tableEnd, digests, digestsEnd], location }
  }

  /** Takes note of a piece of the stored bootstrap, which the caller appends. */
  bootstrap(stored: Uint8Array): void {
    if (this.#state !== 'bootstrap') {
      this.#expect(this.#position === 0 ? 'data' : 'chunk-table', 'before-bootstrap')
      this.#sectionStart = this.#position
      this.#state = 'bootstrap'
    }
    this.#note(stored)
  }

  /** Ends the bootstrap. Returns the header to append. */
  endBootstrap(bootstrap: StoredBootstrap): Uint8Array {
    this.#expect('bootstrap')
    assert.equal(this.#position - this.#sectionStart, bootstrap.size, 'all of the bootstrap')
    this.#toc.push({
      name: SectionName.bootstrap,
      compressor: bootstrap.compressor,
      uncompressedDigest: bootstrap.uncompressedDigest,
      compressedOffset: this.#sectionStart,
      compressedSize: bootstrap.size,
      uncompressedSize: bootstrap.uncompressedSize,
    })
    this.#state = 'toc'
    return this.#header(SectionName.bootstrap, bootstrap.size)
  }

  /** Writes the table of contents, which must be the last. `digest` and `size` are what a blob entry may state. */
  toc(): { bytes: Uint8Array; digest: Uint8Array; size: number } {
    this.#expect('toc')
    const entries = encodeToc(this.#toc)
    this.#note(entries)
    const bytes = Buffer.concat([entries, this.#header(SectionName.toc, entries.length)])
    this.#state = 'done'
    return { bytes, digest: hash('sha256', bytes, 'buffer'), size: bytes.length }
  }

  /** SHA-256 of all that was written: the blob's id and its layer digest. The writer cannot be used after it. */
  digest(): Uint8Array {
    return this.#hash.digest()
  }

  #enter(name: string, bytes: Uint8Array, stored: Uint8Array, compressor: Compressor): void {
    this.#toc.push({
      name,
      compressor,
      uncompressedDigest: hash('sha256', bytes, 'buffer'),
      compressedOffset: this.#position,
      compressedSize: stored.length,
      uncompressedSize: bytes.length,
    })
  }

  #header(name: string, size: number): Uint8Array {
    const header = encodeSectionHeader(name, size)
    assert.equal(header.length, SECTION_HEADER_SIZE)
    this.#note(header)
    return header
  }

  #note(bytes: Uint8Array): void {
    this.#hash.update(bytes)
    this.#position += bytes.length
  }

  #expect(...states: State[]): void {
    assert.ok(states.includes(this.#state), `${this.#state} comes next, not ${states.join(' or ')}`)
  }
}

function encryptTable(
  table: Uint8Array,
  { cipher, what }: { cipher: BlobCipher; what: string },
): Uint8Array {
  if (table.length <= MAX_ENCRYPTED_PIECE) return encryptPiece(table, cipher)
  const limit = {
    limit: 'bytes of an encrypted chunk table',
    value: table.length,
    max: MAX_ENCRYPTED_PIECE,
  }
  throw new AccelError('FORMAT_LIMIT_EXCEEDED', { what, format: 'Nydus blob', ...limit })
}
