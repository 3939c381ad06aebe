import { layout } from '../../bytes/layout.ts'
import { i64le, u16le, u32le, u64le, u8 } from '../../bytes/scalar.ts'
import { CONTENT_DIGESTER, CONTENT_PIECE } from './content-hash.ts'
import type { ListedEntry, ListedKind, ListedName } from './listed-entry.ts'

const KINDS: readonly ListedKind[] = [
  'file',
  'directory',
  'symlink',
  'hardlink',
  'character',
  'block',
  'fifo',
  'whiteout',
  'opaque',
]

/** The fixed part of a record; path, target and attributes follow it. */
const Head = layout('listed entry', 56, {
  kind: [0, u8, 'position in the list of kinds'],
  hasContent: [1, u8, '1: 32 bytes of digest stand behind the head'],
  mode: [2, u16le, 'permission bits'],
  uid: [4, u32le, 'owner'],
  gid: [8, u32le, 'group'],
  mtimeNanoseconds: [12, u32le, 'added to mtime'],
  mtime: [16, i64le, 'seconds since 1970'],
  size: [24, u64le, 'bytes of a file'],
  devMajor: [32, u32le, 'of a device'],
  devMinor: [36, u32le, 'of a device'],
  path: [40, u32le, 'bytes of the path'],
  target: [44, u32le, 'bytes of the link target'],
  xattrs: [48, u32le, 'bytes of the attributes: for each u32 and bytes of name and of value'],
  record: [52, u32le, 'bytes of the record'],
})
const DIGEST = 32
/** Where the fields of a head are: a million records are written and read field by field, without an object for each head. */
const [MODE, UID, GID] = [Head.offsetOf('mode'), Head.offsetOf('uid'), Head.offsetOf('gid')]
const [MTIME, NANOSECONDS] = [Head.offsetOf('mtime'), Head.offsetOf('mtimeNanoseconds')]
const [SIZE, MAJOR, MINOR] = [
  Head.offsetOf('size'),
  Head.offsetOf('devMajor'),
  Head.offsetOf('devMinor'),
]
const [HAS_CONTENT, PATH, TARGET] = [
  Head.offsetOf('hasContent'),
  Head.offsetOf('path'),
  Head.offsetOf('target'),
]
const [XATTRS, RECORD] = [Head.offsetOf('xattrs'), Head.offsetOf('record')]

/** A listing, as it crosses threads and is kept. */
export interface ListingData {
  bytes: Uint8Array
  count: number
  /** What files are cut into for their digests: see ContentHash. */
  pieceSize: number
}

/** Which form listings and their digests have: those that are kept are of no use to who knows another. */
export const LISTING_FORM = `2 ${CONTENT_DIGESTER}`

/** Collects entries; 56 to 88 bytes an entry beside its path, link target and attributes. */
export class ListingWriter {
  readonly #pieceSize: number
  #bytes = Buffer.allocUnsafeSlow(64 * 1024)
  #view = new DataView(this.#bytes.buffer)
  #size = 0
  #count = 0

  constructor(pieceSize: number = CONTENT_PIECE) {
    this.#pieceSize = pieceSize
  }

  get count(): number {
    return this.#count
  }

  add(entry: ListedEntry): void {
    const xattrs = xattrBytes(entry.xattrs)
    const { content } = entry
    // A UTF-16 unit takes at most three bytes.
    const text = 3 * (entry.path.length + entry.target.length)
    this.#reserve(Head.size + DIGEST + text + xattrs.length)
    let at = this.#size + Head.size
    if (content !== undefined) {
      this.#bytes.set(content, at)
      at += DIGEST
    }
    const path = this.#bytes.write(entry.path, at)
    at += path
    const target = entry.target === '' ? 0 : this.#bytes.write(entry.target, at)
    at += target
    if (xattrs.length > 0) this.#bytes.set(xattrs, at)
    at += xattrs.length
    this.#head(entry, content !== undefined, path, target, xattrs.length, at - this.#size)
    this.#size = at
    this.#count++
  }

  #head(
    entry: ListedEntry,
    hasContent: boolean,
    path: number,
    target: number,
    xattrs: number,
    record: number,
  ): void {
    const [view, at] = [this.#view, this.#size]
    u8.set(view, at, KINDS.indexOf(entry.kind))
    u8.set(view, at + HAS_CONTENT, hasContent ? 1 : 0)
    u16le.set(view, at + MODE, entry.mode)
    u32le.set(view, at + UID, entry.uid)
    u32le.set(view, at + GID, entry.gid)
    u32le.set(view, at + NANOSECONDS, entry.mtimeNanoseconds)
    i64le.set(view, at + MTIME, entry.mtime)
    u64le.set(view, at + SIZE, entry.size)
    u32le.set(view, at + MAJOR, entry.devMajor)
    u32le.set(view, at + MINOR, entry.devMinor)
    u32le.set(view, at + PATH, path)
    u32le.set(view, at + TARGET, target)
    u32le.set(view, at + XATTRS, xattrs)
    u32le.set(view, at + RECORD, record)
  }

  /** All entries; the writer must not be used after it. */
  finish(): Listing {
    const bytes = Uint8Array.prototype.slice.call(this.#bytes, 0, this.#size)
    return new Listing({ bytes, count: this.#count, pieceSize: this.#pieceSize })
  }

  #reserve(length: number): void {
    const wanted = this.#size + length
    if (wanted <= this.#bytes.length) return
    const grown = Buffer.allocUnsafeSlow(
      Math.max(wanted, this.#bytes.length + (this.#bytes.length >>> 1)),
    )
    this.#bytes.copy(grown, 0, 0, this.#size)
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}

/** Entries of a layer or an image, in the order in which they were added, as bytes that can cross threads. */
export class Listing implements ListingData {
  readonly bytes: Uint8Array
  /** Entries. */
  readonly count: number
  readonly pieceSize: number
  readonly #buffer: Buffer
  readonly #view: DataView

  constructor({ bytes, count, pieceSize }: ListingData) {
    this.bytes = bytes
    this.count = count
    this.pieceSize = pieceSize
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  /** Where entries begin, for `entry` and `next`; the end is `bytes.length`. */
  next(at: number): number {
    return at + this.#view.getUint32(at + RECORD, true)
  }

  /** What the entry that begins at `at` is. */
  kind(at: number): ListedKind {
    return KINDS[this.#view.getUint8(at)]!
  }

  /** What the entry that begins at `at` is, where, and the link target. */
  name(at: number): ListedName {
    const view = this.#view
    const pathAt = at + Head.size + view.getUint8(at + HAS_CONTENT) * DIGEST
    const targetAt = pathAt + u32le.get(view, at + PATH)
    const target = u32le.get(view, at + TARGET)
    return {
      kind: this.kind(at),
      path: this.#buffer.toString('utf8', pathAt, targetAt),
      target: target === 0 ? '' : this.#buffer.toString('utf8', targetAt, targetAt + target),
    }
  }

  /** The entry that begins at `at`. */
  entry(at: number): ListedEntry {
    const view = this.#view
    const { kind, path, target } = this.name(at)
    const contentAt = at + Head.size
    const hasContent = view.getUint8(at + HAS_CONTENT) === 1
    const end = at + u32le.get(view, at + RECORD)
    const xattrs = u32le.get(view, at + XATTRS)
    const entry: ListedEntry = {
      path,
      kind,
      mode: u16le.get(view, at + MODE),
      uid: u32le.get(view, at + UID),
      gid: u32le.get(view, at + GID),
      mtime: i64le.get(view, at + MTIME),
      mtimeNanoseconds: u32le.get(view, at + NANOSECONDS),
      size: u64le.get(view, at + SIZE),
      devMajor: u32le.get(view, at + MAJOR),
      devMinor: u32le.get(view, at + MINOR),
      target,
    }
    if (xattrs > 0) entry.xattrs = this.#xattrs(end - xattrs, end)
    if (hasContent) entry.content = this.bytes.subarray(contentAt, contentAt + DIGEST)
    return entry
  }

  *[Symbol.iterator](): Generator<ListedEntry> {
    for (let at = 0; at < this.bytes.length; at = this.next(at)) yield this.entry(at)
  }

  #xattrs(start: number, end: number): Map<string, Uint8Array> {
    const xattrs = new Map<string, Uint8Array>()
    for (let at = start; at < end;) {
      const nameEnd = at + 4 + this.#view.getUint32(at, true)
      const valueEnd = nameEnd + 4 + this.#view.getUint32(nameEnd, true)
      xattrs.set(
        this.#buffer.toString('utf8', at + 4, nameEnd),
        this.bytes.subarray(nameEnd + 4, valueEnd),
      )
      at = valueEnd
    }
    return xattrs
  }
}

function xattrBytes(xattrs: ReadonlyMap<string, Uint8Array> | undefined): Uint8Array {
  if (xattrs === undefined || xattrs.size === 0) return new Uint8Array(0)
  const pieces = [...xattrs]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, value]) => {
      const text = Buffer.from(name)
      return [length(text), text, length(value), value]
    })
  return Buffer.concat(pieces)
}

function length(bytes: Uint8Array): Uint8Array {
  const encoded = Buffer.alloc(4)
  encoded.writeUInt32LE(bytes.length)
  return encoded
}
