import { LayoutError } from '../../bytes/layout.ts'
import { versionOf } from '../../drivers/nydus/rafs.ts'
import { AccelError } from '../../errors/accel-error.ts'
import { sniff } from '../../formats/codec/sniff.ts'
import { SUPERBLOCK_OFFSET } from '../../formats/erofs/layout.ts'
import { decodeFooter as decodeEstargzFooter } from '../../formats/estargz/footer.ts'
import { TOC_DIGEST_ANNOTATION } from '../../formats/estargz/layout.ts'
import type { BlobSource } from '../../formats/nydus-blob/blob-reader.ts'
import { SECTION_HEADER_SIZE } from '../../formats/nydus-blob/section-header.ts'
import { decodeFooter as decodeZstdFooter } from '../../formats/zstd-chunked/footer.ts'

/** What bytes are: one of the formats of lazy pulling, or what an ordinary layer is. */
export type Kind =
  | 'RAFS bootstrap'
  | 'Nydus blob'
  | 'eStargz'
  | 'zstd:chunked'
  | 'tar, gzip'
  | 'tar, zstd'
  | 'tar'

const MAGIC_OFFSET = 257

/**
 * Finds out by the first and last bytes what a source is; what the annotations of a layer say counts where the bytes do
 * not say otherwise, so that a damaged footer is an error and not an ordinary layer. Throws FORMAT_UNKNOWN.
 */
export async function identify(
  source: BlobSource,
  what: string,
  annotations: Readonly<Record<string, string>> = {},
): Promise<Kind> {
  const { size } = source
  const head = await source.read(0, Math.min(size, SUPERBLOCK_OFFSET + 4))
  const end = Math.min(size, SECTION_HEADER_SIZE)
  const tail = await source.read(size - end, end)
  if (versionOf(head) !== undefined) return 'RAFS bootstrap'
  // A tar ends in zeros; only a Nydus blob has a header there.
  if (hasTarMagic(tail)) return 'Nydus blob'
  const compression = sniff(head)
  const lazy = TOC_DIGEST_ANNOTATION in annotations
  if (compression === 'gzip') {
    return lazy || decodeEstargzFooter(tail) !== undefined ? 'eStargz' : 'tar, gzip'
  }
  if (compression === 'zstd')
    return lazy || endsLikeZstdChunked(tail) ? 'zstd:chunked' : 'tar, zstd'
  if (hasTarMagic(head) || (size > 0 && head.every((byte) => byte === 0))) return 'tar'
  throw new AccelError('FORMAT_UNKNOWN', { what, size, head: startOf(head) })
}

function hasTarMagic(block: Uint8Array): boolean {
  return Buffer.from(block.subarray(MAGIC_OFFSET, MAGIC_OFFSET + 5)).toString('latin1') === 'ustar'
}

function endsLikeZstdChunked(tail: Uint8Array): boolean {
  try {
    return decodeZstdFooter(tail) !== undefined
  } catch (error) {
    if (error instanceof LayoutError) return true
    throw error
  }
}

function startOf(head: Uint8Array): string {
  return Buffer.from(head.subarray(0, 16)).toString('hex')
}
