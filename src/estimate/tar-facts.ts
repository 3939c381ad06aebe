import { ListingWriter, type ListingData } from '../formats/listing/listing.ts'
import { listed } from '../formats/listing/tar-listing.ts'
import { TarReader } from '../formats/tar/reader.ts'
import { FileKeeper, type KeptFile } from './kept-files.ts'

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
  /** What there is at each path, and of which files something was kept; where that was asked for. */
  names?: { listing: ListingData; kept: ReadonlyMap<string, KeptFile> }
}

/** Counts what a tar holds, as it comes. Memory: what is asked for. */
export class TarCounter {
  readonly #facts: TarFacts = { entries: 0, files: 0, fileBytes: 0, smallFiles: 0 }
  readonly #reader: TarReader
  readonly #names: { writer: ListingWriter; keeper: FileKeeper } | undefined

  constructor({ what, listed: named }: { what: string; listed: boolean }) {
    this.#reader = new TarReader({ what })
    if (named) this.#names = { writer: new ListingWriter(), keeper: new FileKeeper() }
  }

  /** Takes a piece, which may change after it. Throws FORMAT_…. */
  async take(bytes: Uint8Array): Promise<void> {
    this.#reader.push(bytes)
    await this.#count()
  }

  /** Throws FORMAT_TRUNCATED. */
  async finish(): Promise<TarFacts> {
    this.#reader.end()
    await this.#count()
    if (this.#names === undefined) return this.#facts
    const { writer, keeper } = this.#names
    const { bytes, count, pieceSize } = writer.finish()
    return { ...this.#facts, names: { listing: { bytes, count, pieceSize }, kept: keeper.files } }
  }

  async #count(): Promise<void> {
    const facts = this.#facts
    for (let event = this.#reader.next(); event !== undefined; event = this.#reader.next()) {
      const wait = this.#names?.keeper.take(event)
      if (wait !== undefined) await wait
      if (event.type !== 'entry') continue
      const { entry } = event
      facts.entries++
      const name = this.#names && listed(entry)
      if (name !== undefined) this.#names?.writer.add(name)
      if (entry.type !== 'file') continue
      facts.files++
      facts.fileBytes += entry.size
      if (entry.size < SMALL_FILE) facts.smallFiles++
    }
  }
}
