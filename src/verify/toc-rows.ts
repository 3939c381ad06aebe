import { createHash, type Hash } from 'node:crypto'
import type { TocEntry } from '../formats/estargz/toc.ts'
import type { ListedEntry } from '../formats/listing/listed-entry.ts'
import { ListingWriter, type Listing } from '../formats/listing/listing.ts'
import type { ZstdChunkedEntry } from '../formats/zstd-chunked/toc.ts'
import { cleanPath } from '../formats/tar/path.ts'
import { whiteoutName } from '../formats/tar/whiteout.ts'
import { digestOf } from '../oci/digest.ts'
import type { Findings } from './finding.ts'
import type { Member } from './member-runs.ts'

/** A part of a file as the TOC has it, with where it lies in the uncompressed tar. */
interface Part {
  row: TocEntry
  /** The row of the file, and its number. */
  file: TocEntry
  number: number
  chunkOffset: number
  size: number
  start: number
  /** The sha256 of its bytes, hex, where somebody else has taken it. */
  digest?: string
}

/** Digests of what is in a tar: sha256, hex. */
export interface KnownDigests {
  /** Of the bytes there; they are asked for in their order. */
  part(start: number, size: number): string | undefined
  /** Of the file of several parts that begins there. */
  file(start: number): string | undefined
}

/**
 * Follows the rows of a TOC through the tar that the blob decompresses to: what a lazy reader would take for the
 * content of a file must be a file's content there, and each digest must be that of the bytes. Rows come in the order
 * of their offsets, as `parseToc` checks.
 */
export class TocRowCheck {
  readonly #rows: readonly TocEntry[]
  readonly #findings: Findings
  /** Rows with content, in order, and the first of them whose member has not begun. */
  readonly #parts: Part[] = []
  #placed = 0
  /** The first part that is not past its end, and whether it has begun. */
  #open = 0
  #begun = false
  /** Of that part, where it is neither known nor the beginning of `#whole`. */
  #hash: Hash | undefined = undefined
  /** Of a file of several chunks. */
  #whole: Hash | undefined = undefined
  /** What the tar has where the first part of a file begins, by the number of its row. */
  readonly #content: (Uint8Array | undefined)[]
  /** The first file whose place in the tar is not known to be right. */
  #awaited = 0

  constructor(rows: readonly TocEntry[], findings: Findings) {
    this.#rows = rows
    this.#findings = findings
    this.#content = Array.from({ length: rows.length })
    let file: TocEntry | undefined
    let number = 0
    let left = 0
    for (const [i, row] of rows.entries()) {
      if (row.type === 'reg') {
        file = row
        number = i
        left = row.size ?? 0
      } else if (row.type !== 'chunk') continue
      if (file === undefined || left === 0) continue
      const chunkOffset = (file.size ?? 0) - left
      const size = row.chunkSize || left
      left -= size
      this.#parts.push({ row, file, number, chunkOffset, size, start: -1 })
    }
  }

  /**
   * The members of the blob up to `end`: those that rows point to, in order, each once, and what is before the first.
   * Their parts are those whose digest `setDigest` takes.
   */
  *members(end: number): Generator<Member> {
    let member: Member = { start: 0, end: 0, parts: [] }
    for (const [number, part] of this.#parts.entries()) {
      const { offset = 0, innerOffset = 0 } = part.row
      if (offset > member.start) {
        if (offset > end) break
        yield { ...member, end: offset }
        member = { start: offset, end: offset, parts: [] }
      }
      // The digest of a first chunk is that of the file so far.
      if (isFirstOfMany(part)) continue
      member.parts.push({ part: number, start: innerOffset, size: part.size })
    }
    if (end > member.start) yield { ...member, end }
  }

  /** Says the sha256 of the part `number`, hex, before its bytes come. */
  setDigest(number: number, hex: string): void {
    this.#parts[number]!.digest = hex
  }

  /** The file whose part begins in the member at `offset`, which is the last that began or the next; else undefined. */
  pathAt(offset: number): string | undefined {
    for (const part of [this.#parts[this.#placed - 1], this.#parts[this.#placed]]) {
      if (part?.row.offset === offset) return cleanPath(part.file.name)
    }
    return undefined
  }

  /** Where the content of the file called `name` begins in the tar, and its bytes. To be asked before its bytes come. */
  placeOf(name: string): { start: number; size: number } | undefined {
    for (let at = this.#open; at < this.#placed; at++) {
      const { file, chunkOffset, start } = this.#parts[at]!
      if (chunkOffset === 0 && file.name === name) return { start, size: file.size ?? 0 }
    }
    return undefined
  }

  /** Says that the member at `offset` of the blob begins at `start` of the tar. */
  memberBegins(offset: number, start: number): void {
    for (; this.#placed < this.#parts.length; this.#placed++) {
      const part = this.#parts[this.#placed]!
      if ((part.row.offset ?? 0) !== offset) return
      part.start = start + (part.row.innerOffset ?? 0)
      const before = this.#parts[this.#placed - 1]
      if (before !== undefined && part.start < before.start + before.size) {
        this.#findings.add(cleanPath(part.row.name), 'its content overlaps that of the row before')
      }
    }
  }

  /** Takes the bytes of the tar, from `start` on; all before were given. */
  bytes(start: number, bytes: Uint8Array): void {
    const end = start + bytes.length
    for (; this.#open < this.#placed; this.#open++) {
      const part = this.#parts[this.#open]!
      const from = Math.max(part.start, start)
      const to = Math.min(part.start + part.size, end)
      if (from < to) {
        if (from === part.start) this.#begin(part)
        if (this.#hash !== undefined || this.#whole !== undefined) {
          const piece = bytes.subarray(from - start, to - start)
          this.#hash?.update(piece)
          this.#whole?.update(piece)
        }
      }
      if (part.start + part.size > end) return
      this.#finish(part)
    }
  }

  /**
   * In place of all `bytes`, of a tar of `end` bytes, where digests are known. False where one that is needed is not.
   */
  known(end: number, digests: KnownDigests): boolean {
    let file = -1
    for (; this.#open < this.#placed; this.#open++) {
      const part = this.#parts[this.#open]!
      const { chunkOffset, start, size, file: row } = part
      if (start + size > end) return true
      if (chunkOffset === 0) file = start
      const digest = digests.part(start, size)
      const isLast = chunkOffset + size >= (row.size ?? 0)
      const whole = chunkOffset > 0 && isLast ? digests.file(file) : digest
      if (digest === undefined || whole === undefined) return false
      this.#check(part, digest, whole)
    }
    return true
  }

  /** Says that the tar has a file with `content` at `start`, of `size` bytes. */
  tarFile(start: number, size: number, content: Uint8Array): void {
    for (; this.#awaited < this.#placed; this.#awaited++) {
      const { chunkOffset, file, number, start: at } = this.#parts[this.#awaited]!
      if (chunkOffset > 0) continue
      if (at > start) return
      if (at < start || file.size !== size) {
        this.#findings.add(cleanPath(file.name), 'its row points at what is no file of the tar')
      } else {
        this.#content[number] = content
      }
    }
  }

  /** The layer as the TOC tells it; files whose rows are wrong have no content. After all bytes. */
  listing(skip: (path: string) => boolean): Listing {
    for (const { file } of this.#parts.slice(this.#open)) {
      this.#findings.add(cleanPath(file.name), 'its row points behind the end of the tar')
    }
    return listRows(this.#rows, { skip, content: this.#content, findings: this.#findings })
  }

  #begin(part: Part): void {
    this.#begun = true
    const isFirst = isFirstOfMany(part)
    if (part.chunkOffset === 0) this.#whole = isFirst ? createHash('sha256') : undefined
    this.#hash = isFirst || part.digest !== undefined ? undefined : createHash('sha256')
  }

  #finish(part: Part): void {
    if (!this.#begun) return this.#checkPlace(part)
    const isLast = part.chunkOffset + part.size >= (part.file.size ?? 0)
    const hex = part.digest ?? (this.#hash ?? this.#whole!.copy()).digest('hex')
    const whole = isLast ? this.#whole?.digest('hex') : undefined
    this.#begun = false
    this.#hash = undefined
    if (isLast) this.#whole = undefined
    this.#check(part, hex, whole ?? hex)
  }

  #checkPlace({ file, chunkOffset, start }: Part): void {
    const before = this.#parts[this.#open - 1]
    if (chunkOffset > 0 && before !== undefined && start !== before.start + before.size) {
      const problem = `its chunk at ${chunkOffset} does not follow the one before`
      this.#findings.add(cleanPath(file.name), problem)
    }
  }

  /** Holds what is said of a part to the digests of its bytes, and, if it is the last of its file, of all of that. */
  #check(part: Part, hex: string, wholeHex: string): void {
    this.#checkPlace(part)
    const { row, file, chunkOffset, size } = part
    const path = cleanPath(file.name)
    const got = `sha256:${hex}`
    if (row.chunkDigest !== undefined && row.chunkDigest !== got) {
      this.#findings.add(
        path,
        `the digest of its chunk at ${chunkOffset} is ${row.chunkDigest}, the bytes have ${got}`,
      )
    } else if (row.chunkDigest === undefined && size < (file.size ?? 0)) {
      this.#findings.add(path, `its chunk at ${chunkOffset} has no digest`)
    }
    if ((row as ZstdChunkedEntry).chunkType === 'zeros' && got !== digestOf(new Uint8Array(size))) {
      this.#findings.add(path, `its chunk at ${chunkOffset} is said to be zeros, and is not`)
    }
    if (chunkOffset + size < (file.size ?? 0)) return
    const whole = `sha256:${wholeHex}`
    if (file.digest !== whole) {
      this.#findings.add(path, `its digest is ${file.digest ?? 'missing'}, its bytes have ${whole}`)
    }
  }
}

/** The first of several chunks. */
function isFirstOfMany({ chunkOffset, size, file }: Part): boolean {
  return chunkOffset === 0 && size < (file.size ?? 0)
}

const KINDS = {
  dir: 'directory',
  reg: 'file',
  symlink: 'symlink',
  hardlink: 'hardlink',
  char: 'character',
  block: 'block',
  fifo: 'fifo',
} as const

/** The layer as the rows of its TOC tell it; `content` has the digests of files that are known, by row. */
export function listRows(
  rows: readonly TocEntry[],
  init: {
    skip(path: string): boolean
    content?: readonly (Uint8Array | undefined)[]
    findings: Findings
  },
): Listing {
  const writer = new ListingWriter()
  const timeOf = timeParser()
  for (const [i, row] of rows.entries()) {
    if (row.type === 'chunk') continue
    const entry = listedRow(row, init.content?.[i], timeOf, init.findings)
    if (entry !== undefined && !init.skip(entry.path)) writer.add(entry)
  }
  return writer.finish()
}

/** A row as it is listed. */
function listedRow(
  row: TocEntry & { type: string },
  content: Uint8Array | undefined,
  timeOf: (text: string | undefined) => Time | undefined,
  findings: Findings,
): ListedEntry | undefined {
  const path = cleanPath(row.name)
  const whiteout = whiteoutName(path)
  if (whiteout?.kind === 'aufs' || whiteout?.kind === 'invalid') return undefined
  const type = row.type as keyof typeof KINDS
  const time = timeOf(row.modtime)
  if (time === undefined) findings.add(path, `its time ${JSON.stringify(row.modtime)} is none`)
  const target = row.linkName ?? ''
  const device = type === 'char' || type === 'block'
  const common = {
    // Old tar writers put the kind of file in as well, and containers/storage wants what the header has.
    mode: (row.mode ?? 0) & 0o7777,
    uid: row.uid ?? 0,
    gid: row.gid ?? 0,
    mtime: time?.seconds ?? 0,
    mtimeNanoseconds: time?.nanoseconds ?? 0,
    size: type === 'reg' ? (row.size ?? 0) : 0,
    devMajor: device ? (row.devMajor ?? 0) : 0,
    devMinor: device ? (row.devMinor ?? 0) : 0,
    target: type === 'hardlink' ? cleanPath(target) : type === 'symlink' ? target : '',
  }
  if (whiteout?.kind === 'whiteout')
    return { ...common, kind: 'whiteout', path: whiteout.path, size: 0, target: '' }
  if (whiteout?.kind === 'opaque')
    return { ...common, kind: 'opaque', path: whiteout.directory, size: 0, target: '' }
  const xattrs = Object.entries(row.xattrs ?? {}).map(
    ([name, text]) => [name, Buffer.from(text, 'base64')] as const,
  )
  return {
    ...common,
    path,
    kind: KINDS[type],
    ...(xattrs.length > 0 ? { xattrs: new Map(xattrs) } : {}),
    ...(content === undefined ? {} : { content }),
  }
}

interface Time {
  seconds: number
  nanoseconds: number
}

/** Parses times: most rows have that of the row before. */
function timeParser(): (text: string | undefined) => Time | undefined {
  let last: { text: string | undefined; time: Time | undefined } | undefined
  return (text) => {
    if (last === undefined || last.text !== text) last = { text, time: parseTime(text) }
    return last.time
  }
}

/** RFC 3339 as the TOC has it, in UTC; without one, as stargz leaves out the time 0. */
function parseTime(text: string | undefined): Time | undefined {
  if (text === undefined || text === '') return { seconds: 0, nanoseconds: 0 }
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(text)
  const milliseconds = match === null ? Number.NaN : Date.parse(`${match[1]}Z`)
  if (Number.isNaN(milliseconds)) return undefined
  return { seconds: milliseconds / 1000, nanoseconds: Number((match![2] ?? '').padEnd(9, '0')) }
}
