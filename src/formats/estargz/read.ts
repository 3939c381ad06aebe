import { createHash } from 'node:crypto'
import { AccelError } from '../../errors/accel-error.ts'
import { digestOf, type Digest } from '../../oci/digest.ts'
import type { Decoder, DecoderInit } from '../codec/decoder.ts'
import { GunzipStream } from '../gzip/inflate.ts'
import { cleanPath } from '../tar/path.ts'
import { TarReader } from '../tar/reader.ts'
import { decodeFooter, FOOTER_TAIL } from './footer.ts'
import { MAX_TOC_SIZE, TOC_NAME } from './layout.ts'
import { parseToc } from './parse-toc.ts'
import type { Toc, TocEntry } from './toc.ts'

/** Reads `length` bytes of the blob from `offset` on: from a file, or a registry by a range request. */
export type ReadAt = (offset: number, length: number) => Promise<Uint8Array>

export interface OpenEstargzInit {
  /** Names the blob in messages. */
  what: string
  /** Bytes of the blob. */
  size: number
  /** What the annotation says that the TOC's digest is; checked. */
  tocDigest?: string
}

/** A part of a file that is fetched, decompressed and verified as one. */
export interface EstargzChunk {
  /** Where in the file it begins, and its bytes. */
  offset: number
  size: number
  /** Where its gzip member begins in the blob, and where the next one does. */
  blobOffset: number
  blobEnd: number
  /** Uncompressed bytes of the member before it. */
  innerOffset: number
  digest: string
}

/** An eStargz blob whose table of contents was read. */
export interface Estargz {
  readonly toc: Toc
  readonly tocDigest: Digest
  /** Where the TOC's gzip member begins. */
  readonly tocOffset: number
  /** The row that stands for a clean path; of several the last. Hard links are followed. */
  entry(path: string): TocEntry | undefined
  /** The chunks of a file. */
  chunks(file: TocEntry): EstargzChunk[]
  /** The bytes of a chunk, verified. Throws FORMAT_…, CONTENT_DIGEST_MISMATCH. */
  readChunk(chunk: EstargzChunk): Promise<Uint8Array>
  /** The bytes of a file, chunk by chunk; only what is asked for is fetched. */
  readFile(file: TocEntry): AsyncGenerator<Uint8Array>
}

/** Largest chunk that is read: its bytes are held until they are verified. */
export const MAX_CHUNK_SIZE = 256 * 1024 * 1024
/** Bytes fetched at once. */
const READ_SIZE = 1024 * 1024
/** A TOC is tar besides its JSON. */
const TAR_OVERHEAD = 16 * 1024

/** Reads footer and TOC of a blob, in two reads. Throws FORMAT_…, CONTENT_DIGEST_MISMATCH. */
export async function openEstargz(readAt: ReadAt, init: OpenEstargzInit): Promise<Estargz> {
  const { what, size } = init
  const invalid = (offset: number, problem: string): AccelError =>
    new AccelError('FORMAT_INVALID', { what, format: 'eStargz', offset, problem })
  const tail = Math.min(size, FOOTER_TAIL)
  const footer = decodeFooter(await readAt(size - tail, tail))
  if (footer === undefined) throw invalid(size - tail, 'there is no footer')
  if (footer.toc === 'elsewhere') {
    throw invalid(size - footer.size, 'the table of contents is in another image')
  }
  const { tocOffset } = footer
  const length = size - footer.size - tocOffset
  if (length <= 0) throw invalid(size - footer.size, `the TOC is said to begin at ${tocOffset}`)
  if (length > MAX_TOC_SIZE) throw tooLarge(what, 'a compressed TOC', length, MAX_TOC_SIZE)
  const json = tocJson(await readAt(tocOffset, length), what)
  const tocDigest = digestOf(json)
  if (init.tocDigest !== undefined && init.tocDigest !== tocDigest) {
    throw new AccelError('CONTENT_DIGEST_MISMATCH', {
      what: `${what}, ${TOC_NAME}`,
      want: init.tocDigest,
      got: tocDigest,
      size: json.length,
    })
  }
  const toc = parseToc(json, what)
  return new OpenedEstargz({ readAt, what, toc, tocDigest, tocOffset, decoder: gunzip })
}

function gunzip(init: DecoderInit): Decoder {
  return new GunzipStream(init)
}

function tooLarge(what: string, limit: string, value: number, max: number): AccelError {
  return new AccelError('FORMAT_LIMIT_EXCEEDED', { what, format: 'eStargz', limit, value, max })
}

/** The JSON in the gzip members of a TOC. */
function tocJson(members: Uint8Array, what: string): Uint8Array {
  const decoder = new GunzipStream({ what, maxUncompressedSize: MAX_TOC_SIZE + TAR_OVERHEAD })
  const reader = new TarReader({ what })
  const pieces: Uint8Array[] = []
  let wanted = false
  const read = (): void => {
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      if (event.type === 'entry') wanted = cleanPath(event.entry.name) === TOC_NAME
      else if (event.type === 'data' && wanted) pieces.push(event.bytes.slice())
    }
  }
  try {
    decoder.push(members)
    decoder.end()
    for (let bytes = decoder.next(); bytes !== undefined; bytes = decoder.next()) {
      reader.push(bytes)
      read()
    }
    reader.end()
    read()
  } finally {
    decoder.close()
  }
  return Buffer.concat(pieces)
}

/** What a blob is read by, once its TOC is known. */
export interface OpenedInit {
  readAt: ReadAt
  what: string
  toc: Toc
  tocDigest: Digest
  /** Where the TOC begins, and with it the last member before it ends. */
  tocOffset: number
  /** Makes a decoder of members. */
  decoder(init: DecoderInit): Decoder
}

/** Reads files by their rows, whatever their members are compressed with. */
export class OpenedEstargz implements Estargz {
  readonly toc: Toc
  readonly tocDigest: Digest
  readonly tocOffset: number
  readonly #readAt: ReadAt
  readonly #what: string
  readonly #decoder: OpenedInit['decoder']
  readonly #rows = new Map<string, number>()
  readonly #rowOf = new Map<TocEntry, number>()
  /** Where members begin, in order, the TOC's last. */
  readonly #members: number[] = []

  constructor({ readAt, what, toc, tocDigest, tocOffset, decoder }: OpenedInit) {
    this.#readAt = readAt
    this.#what = what
    this.#decoder = decoder
    this.toc = toc
    this.tocDigest = tocDigest
    this.tocOffset = tocOffset
    for (const [row, entry] of toc.entries.entries()) {
      if (entry.type !== 'chunk') this.#rows.set(cleanPath(entry.name), row)
      if (entry.type === 'reg') this.#rowOf.set(entry, row)
      const offset = entry.offset ?? 0
      if (hasPayload(entry) && offset !== this.#members.at(-1)) this.#members.push(offset)
    }
    this.#members.push(tocOffset)
  }

  entry(path: string): TocEntry | undefined {
    let row = this.#rows.get(cleanPath(path))
    // A chain of links is not longer than this.
    for (let left = this.toc.entries.length; row !== undefined && left > 0; left--) {
      const entry = this.toc.entries[row]!
      if (entry.type !== 'hardlink') return entry
      row = this.#rows.get(cleanPath(entry.linkName ?? ''))
    }
    return undefined
  }

  chunks(file: TocEntry): EstargzChunk[] {
    const size = file.size ?? 0
    if (file.type !== 'reg' || size === 0) return []
    const chunks: EstargzChunk[] = []
    let row = this.#rowOf.get(file)!
    for (let at = 0; at < size;) {
      const entry = this.toc.entries[row++]
      if (entry === undefined || (entry !== file && entry.type !== 'chunk')) {
        throw this.#invalid(`the chunks of ${JSON.stringify(file.name)} end at ${at} of ${size}`)
      }
      const chunkSize = entry.chunkSize || size - at
      if (chunkSize > MAX_CHUNK_SIZE) {
        throw tooLarge(
          this.#what,
          `a chunk of ${JSON.stringify(file.name)}, bytes`,
          chunkSize,
          MAX_CHUNK_SIZE,
        )
      }
      const blobOffset = entry.offset ?? 0
      const digest = entry.chunkDigest ?? (chunkSize === size ? file.digest : undefined)
      if (digest === undefined) {
        throw this.#invalid(`a chunk of ${JSON.stringify(file.name)} has no digest`)
      }
      chunks.push({
        offset: at,
        size: chunkSize,
        blobOffset,
        blobEnd: this.#memberAfter(blobOffset),
        innerOffset: entry.innerOffset ?? 0,
        digest,
      })
      at += chunkSize
    }
    return chunks
  }

  async readChunk(chunk: EstargzChunk): Promise<Uint8Array> {
    const { innerOffset, size, blobOffset, blobEnd, digest } = chunk
    const bytes = new Uint8Array(size)
    const decoder = this.#decoder({ what: this.#what })
    let skipped = 0
    let filled = 0
    try {
      for (let at = blobOffset; at < blobEnd && filled < size; at += READ_SIZE) {
        decoder.push(await this.#readAt(at, Math.min(READ_SIZE, blobEnd - at)))
        for (let out = decoder.next(); out !== undefined && filled < size; out = decoder.next()) {
          const skip = Math.min(innerOffset - skipped, out.length)
          skipped += skip
          const piece = out.subarray(skip, skip + size - filled)
          bytes.set(piece, filled)
          filled += piece.length
        }
      }
    } finally {
      decoder.close()
    }
    if (filled < size) throw this.#invalid(`the member at ${blobOffset} ends in a chunk`)
    const got = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    if (got !== digest) {
      const what = `${this.#what}, the chunk at ${blobOffset}`
      throw new AccelError('CONTENT_DIGEST_MISMATCH', { what, want: digest, got, size })
    }
    return bytes
  }

  async *readFile(file: TocEntry): AsyncGenerator<Uint8Array> {
    for (const chunk of this.chunks(file)) yield await this.readChunk(chunk)
  }

  /** Where the first member behind `offset` begins. */
  #memberAfter(offset: number): number {
    let low = 0
    let high = this.#members.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#members[middle]! > offset) high = middle
      else low = middle + 1
    }
    return this.#members[low]!
  }

  #invalid(problem: string): AccelError {
    return new AccelError('FORMAT_INVALID', {
      what: this.#what,
      format: TOC_NAME,
      offset: this.tocOffset,
      problem,
    })
  }
}

function hasPayload(entry: TocEntry): boolean {
  return entry.type === 'chunk' || (entry.type === 'reg' && (entry.size ?? 0) > 0)
}
