import type { TarEntry, TarEntryType } from '../tar/entry.ts'
import type { TocEntry } from './toc.ts'

const TYPES: Readonly<Record<TarEntryType, TocEntry['type']>> = {
  file: 'reg',
  directory: 'dir',
  symlink: 'symlink',
  hardlink: 'hardlink',
  character: 'char',
  block: 'block',
  fifo: 'fifo',
}

/** sha256 of nothing. */
const EMPTY_DIGEST = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const HOLE = '0'.repeat(64)
const CHUNK_DIGEST = `,"chunkDigest":"sha256:${HOLE}"`
/** What a row with a payload ends in; the offset and the closing brace follow when the member is written. */
export const OFFSET = ',"offset":'

/** Where the hex digits of a row's digests begin, counted back from the end of its text. */
export const CHUNK_DIGEST_FROM_END = OFFSET.length + 1 + HOLE.length
export const DIGEST_FROM_END = OFFSET.length + CHUNK_DIGEST.length + 1 + HOLE.length

/** What a row says of its first, or only, chunk. */
export interface ChunkText {
  /** Absent (0) for the last chunk of a file, unless it is a full one. */
  chunkSize: number
  /** 0: the chunk begins its gzip member. */
  innerOffset: number
  /** It is one of several, and has nothing but zeros. */
  zeros: boolean
}

/** Makes the JSON of rows. Names of owners are written where they are not those last written for the same number. */
export class TocRows {
  readonly #users = new Map<number, string>()
  readonly #groups = new Map<number, string>()

  /** The row of `entry`: complete, or, for a file with content, up to its offset, with zeros for its digests. */
  entry(entry: TarEntry, chunk: ChunkText | undefined, extra = ''): string {
    const { type, mode, uid, gid } = entry
    let text = `{"name":${JSON.stringify(entry.name)},"type":"${TYPES[type]}"`
    if (entry.size > 0) text += `,"size":${entry.size}`
    text += `,"modtime":"${modtimeText(entry)}"`
    if (type === 'symlink' || type === 'hardlink')
      text += `,"linkName":${JSON.stringify(entry.linkname)}`
    if (mode !== 0) text += `,"mode":${mode}`
    if (uid !== 0) text += `,"uid":${uid}`
    if (gid !== 0) text += `,"gid":${gid}`
    if (changed(this.#users, uid, entry.uname)) text += `,"userName":${JSON.stringify(entry.uname)}`
    if (changed(this.#groups, gid, entry.gname))
      text += `,"groupName":${JSON.stringify(entry.gname)}`
    if (entry.devMajor !== 0) text += `,"devMajor":${entry.devMajor}`
    if (entry.devMinor !== 0) text += `,"devMinor":${entry.devMinor}`
    if (entry.xattrs !== undefined && entry.xattrs.size > 0)
      text += `,"xattrs":${xattrsText(entry.xattrs)}`
    text += extra
    if (chunk !== undefined) {
      return `${text}${chunkText(0, chunk)},"digest":"sha256:${HOLE}"${CHUNK_DIGEST}${OFFSET}`
    }
    return type === 'file' ? `${text},"digest":"${EMPTY_DIGEST}"}` : `${text}}`
  }

  /** The row of a further chunk of the file `name`, up to its offset. */
  chunk(name: string, chunkOffset: number, chunk: ChunkText): string {
    return `{"name":${JSON.stringify(name)},"type":"chunk"${chunkText(chunkOffset, chunk)}${CHUNK_DIGEST}${OFFSET}`
  }
}

function chunkText(chunkOffset: number, { chunkSize, innerOffset, zeros }: ChunkText): string {
  let text = ''
  if (chunkOffset > 0) text += `,"chunkOffset":${chunkOffset}`
  if (chunkSize > 0) text += `,"chunkSize":${chunkSize}`
  if (innerOffset > 0) text += `,"innerOffset":${innerOffset}`
  if (zeros) text += ',"chunkType":"zeros"'
  return text
}

function changed(known: Map<number, string>, id: number, name: string): boolean {
  if (name === '' || known.get(id) === name) return false
  known.set(id, name)
  return true
}

function xattrsText(xattrs: ReadonlyMap<string, Uint8Array>): string {
  const pairs = [...xattrs].map(
    ([name, value]) => `${JSON.stringify(name)}:"${Buffer.from(value).toString('base64')}"`,
  )
  return `{${pairs.join(',')}}`
}

/** Seconds of 0000-01-01 and of 9999-12-31T23:59:59Z: what RFC 3339 can say. */
export const OLDEST_TIME = -62_167_219_200
export const NEWEST_TIME = 253_402_300_799

const DAY = 86_400
const TWO_DIGITS = Array.from({ length: 60 }, (_, i) => String(i).padStart(2, '0'))
let lastDay = Number.NaN
let lastDate = ''

/**
 * The time of `entry` in RFC 3339, with the nanoseconds that it has. Upstream leaves out the time 0, which readers
 * then show as the year 1, and rounds to seconds. The time must lie between OLDEST_TIME and NEWEST_TIME.
 */
export function modtimeText(entry: Pick<TarEntry, 'mtime' | 'mtimeNanoseconds'>): string {
  const day = Math.floor(entry.mtime / DAY)
  // Neighbours in a layer are often of one day; Date takes ten times as long as the rest.
  if (day !== lastDay) {
    lastDay = day
    lastDate = new Date(day * DAY * 1000).toISOString().slice(0, 11)
  }
  const second = entry.mtime - day * DAY
  const hours = TWO_DIGITS[Math.floor(second / 3600)]!
  const minutes = TWO_DIGITS[Math.floor(second / 60) % 60]!
  const text = `${lastDate}${hours}:${minutes}:${TWO_DIGITS[second % 60]!}`
  if (entry.mtimeNanoseconds === 0) return `${text}Z`
  const fraction = String(entry.mtimeNanoseconds).padStart(9, '0').replace(/0+$/, '')
  return `${text}.${fraction}Z`
}
