import { open, type FileHandle } from 'node:fs/promises'
import { AccelError } from '../errors/accel-error.ts'
import type { TarEntry, TarEvent } from '../formats/tar/entry.ts'
import { BLOCK_SIZE } from '../formats/tar/layout.ts'
import { TarReader } from '../formats/tar/reader.ts'
import { stopIfAborted, unreadable } from './layout-files.ts'

/** Where the content of a file lies in an archive. */
export interface ArchivedFile {
  /** Bytes from the start of the archive. */
  offset: number
  size: number
}

/** The files of an archive, and which archive it was. */
export interface ArchiveIndex {
  files: ReadonlyMap<string, ArchivedFile>
  identity: ArchiveIdentity
}

/** Tells an archive from another one that was put in its place. */
export interface ArchiveIdentity {
  inode: number
  size: number
  /** Milliseconds since 1970. */
  modified: number
}

/** Most entries of an archive: an image has a few hundred, a layout of thousands of tags some ten thousands. */
const MAX_ENTRIES = 262_144

/** Longest way from a link to its file. */
const MAX_LINKS = 8

/** Bytes that are read at once while headers are looked for; content in between is skipped. */
const WINDOW_SIZE = 64 * 1024

/**
 * Finds the files of a tar by reading its headers alone: the content stays where it is, nothing is written to the
 * disk. Links lead to the file they name, inside of the archive. `name` is the archive in messages.
 * Throws LAYOUT_UNREADABLE, LAYOUT_INVALID (compressed, damaged, cut short, a path that leaves the archive).
 */
export async function indexArchive(
  path: string,
  name: string,
  init: { signal?: AbortSignal | undefined } = {},
): Promise<ArchiveIndex> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw unreadable(path, error)
  })
  try {
    const identity = await identityOf(file)
    const scan = new Scan(file, identity.size, path, name)
    const compression = compressionOf(await scan.bytes(0, BLOCK_SIZE))
    if (compression !== undefined) throw scan.invalid(`it is compressed with ${compression}`)
    const links = new Map<string, string>()
    const files = new Map<string, ArchivedFile>()
    let entries = 0
    for (let at = 0; ;) {
      stopIfAborted(init.signal, `reading ${name}`)
      const found = await scan.entryAt(at)
      if (found === undefined) break
      if (++entries > MAX_ENTRIES) throw scan.invalid(`it has more than ${MAX_ENTRIES} entries`)
      const { entry, offset } = found
      const entryPath = pathIn(name, '', entry.name)
      files.delete(entryPath)
      links.delete(entryPath)
      if (entry.type === 'file') {
        if (entry.sparse) throw scan.invalid(`${entryPath} is stored as a sparse file`)
        files.set(entryPath, { offset, size: entry.size })
      } else if (entry.type === 'symlink') {
        const slash = entryPath.lastIndexOf('/')
        links.set(entryPath, pathIn(name, entryPath.slice(0, Math.max(0, slash)), entry.linkname))
      } else if (entry.type === 'hardlink') {
        links.set(entryPath, pathIn(name, '', entry.linkname))
      }
      const stored = entry.type === 'file' ? entry.size : 0
      at = offset + Math.ceil(stored / BLOCK_SIZE) * BLOCK_SIZE
      if (offset + stored > identity.size) throw scan.invalid(`it ends inside of ${entryPath}`)
    }
    return { files: withLinks(files, links), identity }
  } finally {
    await file.close()
  }
}

export async function identityOf(file: FileHandle): Promise<ArchiveIdentity> {
  const { ino, size, mtimeMs } = await file.stat()
  return { inode: ino, size, modified: mtimeMs }
}

/** Reads headers of one file, wherever they are. */
class Scan {
  readonly #file: FileHandle
  readonly #size: number
  readonly #path: string
  readonly #name: string
  readonly #buffer = Buffer.alloc(WINDOW_SIZE)
  #start = 0
  #length = 0

  constructor(file: FileHandle, size: number, path: string, name: string) {
    this.#file = file
    this.#size = size
    this.#path = path
    this.#name = name
  }

  invalid(problem: string, cause?: unknown): AccelError {
    return new AccelError('LAYOUT_INVALID', { location: this.#name, problem }, { cause })
  }

  /** The bytes at `offset`, fewer at the end; a view that stays until the next call. */
  async bytes(offset: number, length: number): Promise<Uint8Array> {
    const end = Math.min(offset + length, this.#size)
    if (offset < this.#start || end > this.#start + this.#length) {
      const { bytesRead } = await this.#file
        .read(this.#buffer, 0, WINDOW_SIZE, offset)
        .catch((error: unknown) => {
          throw unreadable(this.#path, error)
        })
      this.#start = offset
      this.#length = bytesRead
    }
    const from = offset - this.#start
    return this.#buffer.subarray(from, Math.max(from, Math.min(from + length, this.#length)))
  }

  /**
   * The entry whose first header is at `at`, and where its content begins; undefined at the end of the archive.
   * A reader of its own for each entry, so that content need not pass through it: global PAX headers, which no
   * writer of image archives makes, have no effect.
   */
  async entryAt(at: number): Promise<{ entry: TarEntry; offset: number } | undefined> {
    const reader = new TarReader({ what: this.#name })
    for (let offset = at; ; offset += BLOCK_SIZE) {
      const block = await this.bytes(offset, BLOCK_SIZE)
      if (offset === at && (block.length === 0 || isZero(block))) return undefined
      if (block.length < BLOCK_SIZE) throw this.invalid('it ends inside of a header')
      reader.push(block.slice())
      const event = this.#next(reader, at)
      if (event?.type === 'entry') return { entry: event.entry, offset: offset + BLOCK_SIZE }
    }
  }

  #next(reader: TarReader, at: number): TarEvent | undefined {
    try {
      return reader.next()
    } catch (error) {
      throw this.invalid(`it is no tar, or damaged at byte ${at}`, error)
    }
  }
}

function isZero(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0)
}

function compressionOf(bytes: Uint8Array): string | undefined {
  const begins = (...magic: number[]) => magic.every((byte, i) => bytes[i] === byte)
  if (begins(0x1f, 0x8b)) return 'gzip'
  if (begins(0x28, 0xb5, 0x2f, 0xfd)) return 'zstd'
  if (begins(0xfd, 0x37, 0x7a, 0x58, 0x5a)) return 'xz'
  return begins(0x42, 0x5a, 0x68) ? 'bzip2' : undefined
}

/** The path that `text` means, seen from the directory `from`. Nothing is written by it, yet one that leads out is an attack. */
function pathIn(name: string, from: string, text: string): string {
  const parts = from === '' ? [] : from.split('/')
  let inside = !text.startsWith('/') && !text.includes('\0')
  for (const part of text.split('/')) {
    if (part === '..') inside &&= parts.pop() !== undefined
    else if (part !== '' && part !== '.') parts.push(part)
  }
  if (!inside) {
    const problem = `the path ${JSON.stringify(text)} leads out of it`
    throw new AccelError('LAYOUT_INVALID', { location: name, problem })
  }
  return parts.join('/')
}

function withLinks(
  files: Map<string, ArchivedFile>,
  links: ReadonlyMap<string, string>,
): ReadonlyMap<string, ArchivedFile> {
  for (const [path, target] of links) {
    let at: string | undefined = target
    for (let step = 0; step < MAX_LINKS && at !== undefined && links.has(at); step++) {
      at = links.get(at)
    }
    const found = at === undefined ? undefined : files.get(at)
    if (found !== undefined) files.set(path, found)
  }
  return files
}
