import { viewOf } from '../../bytes/layout.ts'
import { RecordReader } from '../../bytes/record-reader.ts'
import { formatFailure } from '../nydus-tree/format-failure.ts'
import type { Compressor } from './algorithm.ts'
import { TocEntry } from './layout.ts'

/** Names of sections and of the parts that the table of contents lists. */
export const SectionName = {
  data: 'image.blob',
  chunkTable: 'blob.meta',
  /** In the ToC alone: part of the section `blob.meta`. */
  chunkTableHeader: 'blob.meta.header',
  digests: 'blob.digest',
  bootstrap: 'image.boot',
  toc: 'rafs.blob.toc',
} as const

/** Entries that fit: nydusd reads the last 4096 bytes of a blob and expects all of the ToC and its header there. */
export const MAX_TOC_ENTRIES = 28

/** One entry, its compressor by name. */
export interface TocItem {
  name: string
  compressor: Compressor
  /** SHA-256 of the content, uncompressed; of `image.blob` of the stored data and its tar header. */
  uncompressedDigest: Uint8Array
  compressedOffset: number
  compressedSize: number
  uncompressedSize: number
}

/** Compressors by flag: there is none for gzip. Source: nydus storage/src/meta/toc.rs (TocEntryFlags). */
const FLAGS: readonly (readonly [flag: number, compressor: Compressor])[] = [
  [1, 'none'],
  [2, 'zstd'],
  [4, 'lz4_block'],
]
const COMPRESSOR_MASK = 0xf

/** The ToC: 128 bytes an entry. */
export function encodeToc(items: readonly TocItem[]): Uint8Array {
  if (items.length > MAX_TOC_ENTRIES) throw new RangeError(`${items.length} entries`)
  const out = new Uint8Array(items.length * TocEntry.size)
  items.forEach(({ compressor, ...item }, i) => {
    const flags = FLAGS.find(([, name]) => name === compressor)?.[0]
    if (flags === undefined) throw new RangeError(`a ToC cannot say ${compressor}`)
    TocEntry.encode(viewOf(out), i * TocEntry.size, { ...item, flags })
  })
  return out
}

/** Reads a ToC. Throws FORMAT_INVALID and FORMAT_TRUNCATED; `what` names the blob. */
export function decodeToc(bytes: Uint8Array, what: string): TocItem[] {
  const reader = new RecordReader(bytes, formatFailure(what, 'Nydus blob ToC'))
  const count = bytes.length / TocEntry.size
  if (!Number.isInteger(count) || count === 0 || count > MAX_TOC_ENTRIES) {
    throw reader.invalid(0, `${bytes.length} bytes`)
  }
  return Array.from({ length: count }, (_, i) => {
    const at = i * TocEntry.size
    const { flags, ...entry } = reader.record(TocEntry, at)
    const compressor = FLAGS.find(([flag]) => flag === (flags & COMPRESSOR_MASK))?.[1]
    if (compressor === undefined) throw reader.invalid(at, `flags 0x${flags.toString(16)}`)
    return { ...entry, compressor }
  })
}
