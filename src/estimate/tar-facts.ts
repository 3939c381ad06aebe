import type { TarEntry } from '../formats/tar/entry.ts'
import { cleanPath } from '../formats/tar/path.ts'
import { TarReader } from '../formats/tar/reader.ts'

/** Files below this size are small: each costs a format that compresses file by file more than its content. Bytes. */
export const SMALL_FILE = 16 * 1024

/** What a tar holds. */
export interface TarFacts {
  entries: number
  files: number
  /** Bytes of all files together. */
  fileBytes: number
  /** Files below SMALL_FILE. */
  smallFiles: number
  /** Where they are asked for: files and symlinks by their clean paths, in the order of the tar. */
  paths: PathFact[]
}

/** What is at a path. */
export interface PathFact {
  path: string
  kind: 'file' | 'directory' | 'symlink' | 'hardlink' | 'other'
  mode: number
  /** Bytes of a file. */
  size: number
  /** Of a link. */
  target: string
}

/** Counts what a tar holds, as it comes. Memory: the paths, where they are asked for. */
export class TarCounter {
  readonly facts: TarFacts = { entries: 0, files: 0, fileBytes: 0, smallFiles: 0, paths: [] }
  readonly #reader: TarReader
  readonly #listed: boolean

  constructor({ what, listed }: { what: string; listed: boolean }) {
    this.#reader = new TarReader({ what })
    this.#listed = listed
  }

  /** Throws FORMAT_…. */
  take(bytes: Uint8Array): void {
    this.#reader.push(bytes)
    this.#count()
  }

  /** Throws FORMAT_TRUNCATED. */
  finish(): TarFacts {
    this.#reader.end()
    this.#count()
    return this.facts
  }

  #count(): void {
    const { facts } = this
    for (let event = this.#reader.next(); event !== undefined; event = this.#reader.next()) {
      if (event.type !== 'entry') continue
      const { entry } = event
      facts.entries++
      if (this.#listed) facts.paths.push(pathFact(entry))
      if (entry.type !== 'file') continue
      facts.files++
      facts.fileBytes += entry.size
      if (entry.size < SMALL_FILE) facts.smallFiles++
    }
  }
}

function pathFact({ type, name, mode, size, linkname }: TarEntry): PathFact {
  const kind = type === 'character' || type === 'block' || type === 'fifo' ? 'other' : type
  return { path: cleanPath(name), kind, mode, size, target: linkname }
}
