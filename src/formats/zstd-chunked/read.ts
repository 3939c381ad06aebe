import { AccelError } from '../../errors/accel-error.ts'
import { LayoutError, viewOf } from '../../bytes/layout.ts'
import { digestOf } from '../../oci/digest.ts'
import { TOC_DIGEST_ANNOTATION } from '../estargz/layout.ts'
import { parseToc } from '../estargz/parse-toc.ts'
import { OpenedEstargz, type Estargz, type ReadAt } from '../estargz/read.ts'
import { ZstdDecompressStream } from '../zstd/decompress.ts'
import { decodeFooter, FOOTER_TAIL, parsePosition } from './footer.ts'
import type { Footer, Position } from './footer.ts'
import {
  CONTAINERS_CHECKSUM_ANNOTATION,
  CONTAINERS_POSITION_ANNOTATION,
  MAX_TOC_SIZE,
  STARGZ_CHECKSUM_ANNOTATION,
  STARGZ_POSITION_ANNOTATION,
  SKIPPABLE_MAGIC,
  SkippableHeader,
  TAR_SPLIT_POSITION_ANNOTATION,
} from './layout.ts'
import { unpack } from './packed.ts'
import { parseTarSplit, type TarSplitRecord } from './tar-split.ts'
import type { ZstdChunkedToc } from './toc.ts'

export interface OpenZstdChunkedInit {
  /** Names the blob in messages. */
  what: string
  /** Bytes of the blob. */
  size: number
  /** The layer's, of either dialect or of both; what they say is checked. */
  annotations?: Readonly<Record<string, string>>
  /** Whether the tar-split is read, which readers that go by the TOC alone do not need. @default true */
  tarSplit?: boolean
}

/** A zstd:chunked blob whose table of contents was read. */
export interface ZstdChunked extends Estargz {
  readonly toc: ZstdChunkedToc
  /** Whose footer the blob ends in; one of stargz may serve both. */
  readonly dialect: Footer['dialect']
  /** sha256 of the compressed TOC. */
  readonly compressedTocDigest: string
  /** All of the tar but the content of its files, verified; undefined where the blob has none, or it was not to be read. */
  readonly tarSplit: readonly TarSplitRecord[] | undefined
  /** Where they lie. */
  readonly positions: { toc: Position; tarSplit: Position | undefined }
}

const FORMAT = 'zstd:chunked'
const HEADER = SkippableHeader.size

/**
 * Reads footer, TOC and tar-split of a blob of either dialect, or of both. Everything between the last frame and the
 * end of the blob is accounted for, and what footer, annotations and TOC say must agree.
 * Throws FORMAT_…, CONTENT_DIGEST_MISMATCH.
 */
export async function openZstdChunked(
  readAt: ReadAt,
  init: OpenZstdChunkedInit,
): Promise<ZstdChunked> {
  const { what, size } = init
  const blob = new Blob({ readAt, what, size })
  const footer = await blob.footer()
  const { toc: position } = footer
  blob.checkSaid(CONTAINERS_POSITION_ANNOTATION, position, init.annotations, true)
  blob.checkSaid(STARGZ_POSITION_ANNOTATION, position, init.annotations, true)
  const compressed = await blob.frame(position)
  const compressedTocDigest = digestOf(compressed)
  checkDigest(`${what}, its compressed TOC`, compressed, [
    init.annotations?.[CONTAINERS_CHECKSUM_ANNOTATION],
    init.annotations?.[STARGZ_CHECKSUM_ANNOTATION],
  ])
  const json = unpack(compressed, position.uncompressedSize, `${what}, its TOC`)
  checkDigest(`${what}, its TOC`, json, [init.annotations?.[TOC_DIGEST_ANNOTATION]])
  const toc = parseToc(json, what) as ZstdChunkedToc
  const tarSplit = init.tarSplit === false ? undefined : await readTarSplit(blob, footer, toc, init)
  const opened = new OpenedEstargz({
    readAt,
    what,
    toc,
    tocDigest: digestOf(json),
    tocOffset: position.offset - HEADER,
    decoder: (of) => new ZstdDecompressStream(of),
  })
  return Object.assign(opened, {
    toc,
    dialect: footer.dialect,
    compressedTocDigest,
    tarSplit: tarSplit?.records,
    positions: { toc: position, tarSplit: tarSplit?.position },
  })
}

/** The frame between TOC and footer, if there is one. */
async function readTarSplit(
  blob: Blob,
  footer: Footer,
  toc: ZstdChunkedToc,
  { what, annotations }: OpenZstdChunkedInit,
): Promise<{ records: TarSplitRecord[]; position: Position } | undefined> {
  const end = footer.toc.offset + footer.toc.size
  const footerStart = blob.size - footer.size
  const said = annotations?.[TAR_SPLIT_POSITION_ANNOTATION]
  if (end === footerStart) {
    if (toc.tarSplitDigest === undefined && footer.tarSplit === undefined && said === undefined)
      return undefined
    throw blob.invalid(end, 'there is no tar-split')
  }
  const saidPosition = said === undefined ? undefined : parsePosition(said, false)
  const position = footer.tarSplit ??
    saidPosition ?? { offset: end + HEADER, size: footerStart - end - HEADER, uncompressedSize: -1 }
  if (position.offset !== end + HEADER || position.offset + position.size !== footerStart) {
    throw blob.invalid(end, 'the tar-split does not lie between TOC and footer')
  }
  blob.checkSaid(TAR_SPLIT_POSITION_ANNOTATION, position, annotations, false)
  const compressed = await blob.frame(position)
  if (toc.tarSplitDigest === undefined)
    throw blob.invalid(end, 'the TOC does not say the digest of the tar-split')
  checkDigest(`${what}, its tar-split`, compressed, [toc.tarSplitDigest])
  // Without annotations nothing says how large it is.
  const text =
    position.uncompressedSize < 0
      ? unpackAny(compressed, what)
      : unpack(compressed, position.uncompressedSize, `${what}, its tar-split`)
  return {
    records: parseTarSplit(text, what),
    position: { ...position, uncompressedSize: text.length },
  }
}

function unpackAny(compressed: Uint8Array, what: string): Uint8Array {
  const decoder = new ZstdDecompressStream({ what, maxUncompressedSize: 8 * MAX_TOC_SIZE })
  const pieces: Uint8Array[] = []
  try {
    decoder.push(compressed)
    decoder.end()
    for (let out = decoder.next(); out !== undefined; out = decoder.next()) pieces.push(out.slice())
  } finally {
    decoder.close()
  }
  return Buffer.concat(pieces)
}

/** Throws CONTENT_DIGEST_MISMATCH where the digest of `bytes` is not one that is wanted; undefined wants nothing. */
function checkDigest(
  what: string,
  bytes: Uint8Array,
  wanted: readonly (string | undefined)[],
): void {
  const got = digestOf(bytes)
  for (const want of wanted) {
    if (want === undefined || want === got) continue
    throw new AccelError('CONTENT_DIGEST_MISMATCH', { what, want, got, size: bytes.length })
  }
}

/** The blob's end, read frame by frame. */
class Blob {
  readonly size: number
  readonly #readAt: ReadAt
  readonly #what: string

  constructor({ readAt, what, size }: { readAt: ReadAt; what: string; size: number }) {
    this.#readAt = readAt
    this.#what = what
    this.size = size
  }

  async footer(): Promise<Footer> {
    const tail = Math.min(this.size, FOOTER_TAIL)
    const at = this.size - tail
    let footer: Footer | undefined
    try {
      footer = decodeFooter(await this.#readAt(at, tail))
    } catch (error) {
      if (!(error instanceof LayoutError)) throw error
      throw this.invalid(at + error.offset, error.message)
    }
    if (footer === undefined) throw this.invalid(at, 'there is no footer')
    return footer
  }

  /** The bytes of the skippable frame at `position`. */
  async frame(position: Position): Promise<Uint8Array> {
    const { offset, size, uncompressedSize } = position
    const start = offset - HEADER
    if (start < 0 || offset + size > this.size) {
      throw this.invalid(start, 'a frame lies outside of the blob')
    }
    for (const value of [size, uncompressedSize]) {
      if (value <= MAX_TOC_SIZE) continue
      throw new AccelError('FORMAT_LIMIT_EXCEEDED', {
        what: this.#what,
        format: FORMAT,
        limit: 'a TOC or tar-split, bytes',
        value,
        max: MAX_TOC_SIZE,
      })
    }
    const bytes = await this.#readAt(start, HEADER + size)
    const header = SkippableHeader.decode(viewOf(bytes), 0)
    if (header.magic !== SKIPPABLE_MAGIC || header.size !== size) {
      throw this.invalid(start, 'no skippable frame of the size that is said begins here')
    }
    return bytes.subarray(HEADER)
  }

  /** Throws where the annotation `key` is there and says another position. */
  checkSaid(
    key: string,
    position: Position,
    annotations: Readonly<Record<string, string>> | undefined,
    manifest: boolean,
  ): void {
    const text = annotations?.[key]
    if (text === undefined) return
    const said = parsePosition(text, manifest)
    const same =
      said?.offset === position.offset &&
      said.size === position.size &&
      said.uncompressedSize === position.uncompressedSize
    if (!same) throw this.invalid(position.offset, `the annotation ${key} says ${text}`)
  }

  invalid(offset: number, problem: string): AccelError {
    return new AccelError('FORMAT_INVALID', { what: this.#what, format: FORMAT, offset, problem })
  }
}
