import { AccelError } from '../errors/accel-error.ts'
import { Listing } from '../formats/listing/listing.ts'
import { MergedTree } from '../formats/listing/merged-tree.ts'
import { parentPath } from '../formats/tar/path.ts'
import type { ElfFile } from '../trace/elf/read.ts'
import type { ImageFile, ImageFiles } from '../trace/image-files.ts'
import type { KeptFile } from './kept-files.ts'
import type { TarFacts } from './tar-facts.ts'

/** What was seen of an image's layers, one over the other. Of files there is what was kept of them. */
export class SeenFiles implements ImageFiles {
  readonly #tree = new MergedTree()
  readonly #kept: ReadonlyMap<string, KeptFile>[] = []

  /** `layers` from the lowest, with names. */
  constructor(layers: readonly Pick<TarFacts, 'names'>[]) {
    for (const { names } of layers) {
      if (names !== undefined) this.#tree.apply(new Listing(names.listing))
      this.#kept.push(names?.kept ?? new Map<string, KeptFile>())
    }
  }

  entry(path: string): ImageFile | undefined {
    const entry = this.#tree.entry(path)
    if (entry === undefined) return undefined
    const { kind, mode, size, target } = entry
    const known = kind === 'file' || kind === 'directory' || kind === 'symlink'
    return { kind: known ? kind : 'other', mode, size, target }
  }

  children(path: string): string[] {
    const paths: string[] = []
    for (const entry of this.#tree) if (parentPath(entry.path) === path) paths.push(entry.path)
    return paths
  }

  /** Throws FORMAT_TRUNCATED for what was not kept. */
  async read(path: string, offset: number, length: number): Promise<Uint8Array> {
    const head = this.#file(path)?.head ?? new Uint8Array(0)
    if (offset + length <= head.length) return head.subarray(offset, offset + length)
    const expected = `${length} bytes at ${offset} that were kept`
    const format = 'ELF file'
    throw new AccelError('FORMAT_TRUNCATED', { what: path, format, offset: head.length, expected })
  }

  elf(path: string): ElfFile | undefined {
    return this.#file(path)?.elf
  }

  /** Which layer a file is in, counted from 0, and its path there. */
  origin(path: string): { layer: number; path: string } | undefined {
    return this.#tree.origin(path)
  }

  #file(path: string): KeptFile | undefined {
    const origin = this.origin(path)
    return origin && this.#kept[origin.layer]?.get(origin.path)
  }
}
