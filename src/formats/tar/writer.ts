import { addXattrs, encodePax, encodePaxTime } from './encode-pax.ts'
import type { PaxRecords } from './encode-pax.ts'
import type { TarEntry, TarEntryType } from './entry.ts'
import { EXTENSION } from './extensions.ts'
import { BLOCK_SIZE, UstarHeader } from './layout.ts'

/** What a header says. Any TarEntry is one; how it was stored, sparse or not, does not matter. */
export type HeaderInit = Pick<
  TarEntry,
  | 'type'
  | 'name'
  | 'nameBytes'
  | 'linkname'
  | 'linknameBytes'
  | 'mode'
  | 'uid'
  | 'gid'
  | 'uname'
  | 'gname'
  | 'mtime'
  | 'mtimeNanoseconds'
  | 'size'
  | 'devMajor'
  | 'devMinor'
  | 'xattrs'
>

const TYPEFLAGS: Readonly<Record<TarEntryType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
}

const ROWS = UstarHeader.rows
type Field = keyof typeof ROWS

/** The two blocks of zeros that end a tar. */
export const END_OF_TAR: Uint8Array = new Uint8Array(2 * BLOCK_SIZE)

/** Bytes of zeros that follow content of `size` bytes. */
export function paddingSize(size: number): number {
  return (BLOCK_SIZE - (size % BLOCK_SIZE)) % BLOCK_SIZE
}

/**
 * The header blocks of an entry, always the same for the same entry: one ustar block, and before it a PAX header with
 * what does not fit there, if anything: long or not-ASCII texts, large owners and sizes, times with fractions or before
 * 1970, extended attributes. A `size` is written for files only. Names that are not UTF-8 are written as their bytes,
 * marked by `hdrcharset`.
 */
export function encodeHeader(entry: HeaderInit): Uint8Array {
  const block = new HeaderBlock()
  const records: PaxRecords = new Map()
  const textRecord = (key: string, text: Uint8Array) => records.set(key, text)
  const numberRecord = (key: string, value: number) => records.set(key, Buffer.from(`${value}`))

  const name = entry.nameBytes ?? Buffer.from(entry.name)
  const link = entry.linknameBytes ?? Buffer.from(entry.linkname)
  if (entry.nameBytes !== undefined || entry.linknameBytes !== undefined) {
    records.set('hdrcharset', Buffer.from('BINARY'))
  }
  if (!block.setName(name)) textRecord('path', name)
  if (!block.setText('linkname', link)) textRecord('linkpath', link)
  for (const key of ['uname', 'gname'] as const) {
    const text = Buffer.from(entry[key])
    // These two must end with a zero byte.
    if (text.length >= ROWS[key][1].size || !block.setText(key, text)) textRecord(key, text)
  }
  for (const key of ['uid', 'gid'] as const) {
    if (!block.setOctal(key, entry[key])) numberRecord(key, entry[key])
  }
  const size = entry.type === 'file' ? entry.size : 0
  if (!block.setOctal('size', size)) numberRecord('size', size)
  if (!block.setOctal('mtime', entry.mtime) || entry.mtimeNanoseconds !== 0) {
    records.set('mtime', Buffer.from(encodePaxTime(entry.mtime, entry.mtimeNanoseconds)))
  }
  if (entry.xattrs !== undefined) addXattrs(records, entry.xattrs)
  block.setOctal('mode', entry.mode & 0o7777)
  if (!block.setOctal('devmajor', entry.devMajor)) block.setBase256('devmajor', entry.devMajor)
  if (!block.setOctal('devminor', entry.devMinor)) block.setBase256('devminor', entry.devMinor)
  const own = block.finish(TYPEFLAGS[entry.type].charCodeAt(0))
  if (records.size === 0) return own

  const body = encodePax(records)
  const extension = new HeaderBlock()
  extension.setText('name', Buffer.from('././@PaxHeader'))
  extension.setOctal('mode', 0o644)
  extension.setOctal('size', body.length)
  for (const key of ['uid', 'gid', 'mtime', 'devmajor', 'devminor'] as const) {
    extension.setOctal(key, 0)
  }
  const padding = new Uint8Array(paddingSize(body.length))
  return Buffer.concat([extension.finish(EXTENSION.local), body, padding, own])
}

/** One ustar block. The setters tell whether the field can hold the value; a number that does not fit is left 0. */
class HeaderBlock {
  readonly #bytes = new Uint8Array(BLOCK_SIZE)

  setText(field: Field, text: Uint8Array): boolean {
    const [offset, { size }] = ROWS[field]
    const fits = text.length <= size && isAscii(text)
    this.#bytes.set(fits ? text : asciiPart(text, size), offset)
    return fits
  }

  /** Into the name field, or cut at a slash into prefix and name. */
  setName(name: Uint8Array): boolean {
    const [, { size: nameSize }] = ROWS.name
    const [offset, { size: prefixSize }] = ROWS.prefix
    if (name.length > nameSize && isAscii(name)) {
      // The first slash that leaves a name short enough, and some name.
      const slash = name.indexOf(0x2f, name.length - nameSize - 1)
      if (slash > 0 && slash <= prefixSize && slash < name.length - 1) {
        this.#bytes.set(name.subarray(0, slash), offset)
        return this.setText('name', name.subarray(slash + 1))
      }
    }
    return this.setText('name', name)
  }

  setOctal(field: Field, value: number): boolean {
    const [offset, { size }] = ROWS[field]
    const digits = size - 1
    const fits = value >= 0 && value < 8 ** digits
    const text = (fits ? value : 0).toString(8).padStart(digits, '0')
    this.#bytes.set(Buffer.from(text), offset)
    return fits
  }

  /** For device numbers, which have no PAX record: only where ustar has no room, which Linux never needs. */
  setBase256(field: Field, value: number): void {
    const [offset, { size }] = ROWS[field]
    let rest = value
    for (let i = offset + size - 1; i > offset; i--, rest = Math.floor(rest / 256)) {
      this.#bytes[i] = rest % 256
    }
    this.#bytes[offset] = 0x80
  }

  finish(typeflag: number): Uint8Array {
    const bytes = this.#bytes
    bytes[UstarHeader.offsetOf('typeflag')] = typeflag
    bytes.set(Buffer.from('ustar\x0000'), UstarHeader.offsetOf('magic'))
    const at = UstarHeader.offsetOf('chksum')
    bytes.fill(0x20, at, at + 8)
    let sum = 0
    for (const byte of bytes) sum += byte
    bytes.set(Buffer.from(`${sum.toString(8).padStart(6, '0')}\0 `), at)
    return bytes
  }
}

function isAscii(text: Uint8Array): boolean {
  for (const byte of text) if (byte >= 0x80 || byte === 0) return false
  return true
}

/** What stands in a field whose value is in the PAX header, for readers that know no PAX. */
function asciiPart(text: Uint8Array, size: number): Uint8Array {
  return text.subarray(0, size).map((byte) => (byte >= 0x80 ? 0x5f : byte))
}
