import type { TarEntry } from '../tar/entry.ts'
import { numberAt } from '../tar/field.ts'
import { dialectOf } from '../tar/header.ts'
import { BLOCK_SIZE, UstarHeader } from '../tar/layout.ts'
import { encodeHeader, paddingSize } from '../tar/writer.ts'
import { modtimeText } from '../estargz/toc-row.ts'

/** The header blocks of an entry, and what its row must say, so that the two agree for containers/storage. */
export interface ExactRow {
  entry: TarEntry
  header: Uint8Array
  /** More of the row, as text. */
  extra: string
}

const AT = UstarHeader.rows
const PAX = 0x78
const LONG_LINK = 0x4b
const GNU_TIMES = 345

/**
 * containers/storage compares each header of the tar-split, as Go reads it, with the row of the TOC, and refuses the
 * image where they differ in anything. Where a header says more than the entry (a link name of what is no link,
 * numbers of what is no device, times in GNU's own fields) it is written anew, plainly. Undefined where even that
 * would not be read as it is meant.
 * Source: containers/storage pkg/chunked/compression_linux.go (`ensureFileMetadataAttributesMatch`),
 * pkg/chunked/internal/minimal/compression.go (`NewFileMetadata`).
 */
export function exactRow(entry: TarEntry, header: Uint8Array): ExactRow | undefined {
  const own = asStored(entry, header)
  if (own !== undefined) return own
  return asStored(entry, encodeHeader(entry))
}

function asStored(entry: TarEntry, header: Uint8Array): ExactRow | undefined {
  const bytes = Buffer.from(header.buffer, header.byteOffset, header.length)
  const start = bytes.length - BLOCK_SIZE
  const isLink = entry.type === 'symlink' || entry.type === 'hardlink'
  const isDevice = entry.type === 'character' || entry.type === 'block'
  const dialect = dialectOf(bytes, start)
  if (!isLink && bytes[start + AT.linkname[0]] !== 0) return undefined
  if (!isDevice && dialect !== 'v7') {
    for (const field of ['devmajor', 'devminor'] as const) {
      const [at, { size }] = AT[field]
      if (numberAt(bytes, start + at, size) !== 0) return undefined
    }
  }
  if (dialect === 'gnu' && bytes.subarray(start + GNU_TIMES, start + BLOCK_SIZE).some(notZero)) {
    return undefined
  }
  const records = extensions(bytes, start)
  if (records === undefined) return undefined
  let extra = ''
  for (const [key, value] of records) {
    if (key.startsWith('LIBARCHIVE.xattr.')) return undefined
    if (key === 'linkpath' && !isLink) return undefined
    if (key !== 'atime' && key !== 'ctime') continue
    const text = timeText(value)
    if (text === undefined) return undefined
    extra += `,"${key === 'atime' ? 'accesstime' : 'changetime'}":"${text}"`
  }
  const [at, { size }] = AT.mode
  const mode = numberAt(bytes, start + at, size)
  return { entry: mode === entry.mode ? entry : { ...entry, mode }, header, extra }
}

/** The PAX records that precede the own block of an entry; undefined where it has what is not looked into. */
function extensions(bytes: Buffer, end: number): Map<string, string> | undefined {
  const records = new Map<string, string>()
  let seen = false
  for (let at = 0; at < end;) {
    const type = bytes[at + AT.typeflag[0]]
    const size = numberAt(bytes, at + AT.size[0], AT.size[1].size)
    const body = at + BLOCK_SIZE
    if (!(size >= 0 && body + size <= end) || type === LONG_LINK) return undefined
    if (type === PAX) {
      if (seen) return undefined
      seen = true
      for (let i = body; i < body + size;) {
        const space = bytes.indexOf(0x20, i)
        const length = Number(bytes.toString('latin1', i, space))
        const equals = bytes.indexOf(0x3d, space)
        if (!(length > 0) || equals < 0) return undefined
        records.set(
          bytes.toString('utf8', space + 1, equals),
          bytes.toString('latin1', equals + 1, i + length - 1),
        )
        i += length
      }
    }
    at = body + size + paddingSize(size)
  }
  return records
}

/** A time of PAX, seconds with a fraction, in RFC 3339. */
function timeText(value: string): string | undefined {
  const [, whole, fraction = ''] = /^(\d{1,11})(?:\.(\d*))?$/.exec(value) ?? []
  if (whole === undefined) return undefined
  return modtimeText({
    mtime: Number(whole),
    mtimeNanoseconds: Number(fraction.slice(0, 9).padEnd(9, '0')),
  })
}

function notZero(byte: number): boolean {
  return byte !== 0
}
