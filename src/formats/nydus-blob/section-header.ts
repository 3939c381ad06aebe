import { RecordReader } from '../../bytes/record-reader.ts'
import { formatFailure } from '../nydus-tree/format-failure.ts'
import { layout, viewOf } from '../../bytes/layout.ts'
import { ascii, bytes, u8, zeros } from '../../bytes/scalar.ts'

/** Bytes of the tar header behind each section of a blob. */
export const SECTION_HEADER_SIZE = 512

/** The header: a GNU tar header of which only name, size, checksum, type and magic are set. */
const SectionHeader = layout('section tar header', 512, {
  name: [0, ascii(100), 'name of the section'],
  modeAndOwner: [100, zeros(24), 'zero bytes, not digits'],
  size: [124, bytes(12), '11 octal digits and NUL; from 8 GiB 0x80 and big endian'],
  mtime: [136, ascii(12), '00000000000'],
  checksum: [148, ascii(8), '7 octal digits: sum of all bytes, these 8 taken as spaces'],
  typeflag: [156, u8, "'0'"],
  linkname: [157, zeros(100), '0'],
  magic: [257, ascii(8), "'ustar', two spaces"],
  rest: [265, zeros(247), '0'],
})

const OCTAL_LIMIT = 8 ** 11

/** The header of a section of `size` bytes, which stands directly behind it. Source: nydus builder/src/core/context.rs (write_tar_header). */
export function encodeSectionHeader(name: string, size: number): Uint8Array {
  const header = new Uint8Array(SECTION_HEADER_SIZE)
  const fields = {
    name,
    size: encodeSize(size),
    mtime: '00000000000',
    checksum: '        ',
    typeflag: 0x30,
    magic: 'ustar  ',
  }
  SectionHeader.encode(viewOf(header), 0, fields)
  const checksum = header.reduce((sum, byte) => sum + byte, 0)
  fields.checksum = checksum.toString(8).padStart(7, '0')
  SectionHeader.encode(viewOf(header), 0, fields)
  return header
}

/**
 * Reads the 512 bytes of a header that begins at `offset` of a blob. Throws FORMAT_INVALID where they are none, and
 * FORMAT_TRUNCATED where they are too few; `what` names the blob.
 */
export function decodeSectionHeader(
  bytes512: Uint8Array,
  offset: number,
  what: string,
): { name: string; size: number } {
  const failure = formatFailure(what, 'Nydus blob')
  const reader = new RecordReader(bytes512, {
    truncated: (at, expected) => failure.truncated(offset + at, expected),
    invalid: (at, problem) => failure.invalid(offset + at, problem),
  })
  const header = reader.record(SectionHeader, 0, 'a tar header')
  const unsummed = new Uint8Array(bytes512.subarray(0, SECTION_HEADER_SIZE)).fill(0x20, 148, 156)
  const checksum = unsummed.reduce((sum, byte) => sum + byte, 0)
  if (!header.magic.startsWith('ustar') || parseInt(header.checksum, 8) !== checksum) {
    throw reader.invalid(0, 'no tar header where a section should end')
  }
  const size = decodeSize(header.size)
  if (!Number.isSafeInteger(size)) throw reader.invalid(124, 'a section without size')
  return { name: header.name, size }
}

function encodeSize(size: number): Uint8Array {
  const field = Buffer.alloc(12)
  if (size < OCTAL_LIMIT) field.write(size.toString(8).padStart(11, '0'), 'latin1')
  else {
    field.writeUInt8(0x80, 0)
    field.writeBigUInt64BE(BigInt(size), 4)
  }
  return field
}

function decodeSize(field: Uint8Array): number {
  const bytes = Buffer.from(field)
  if (bytes.readUInt8(0) === 0x80) return Number(bytes.readBigUInt64BE(4))
  const text = bytes.toString('latin1').replace(/[\0 ]+$/, '')
  return /^[0-7]+$/.test(text) ? parseInt(text, 8) : NaN
}
