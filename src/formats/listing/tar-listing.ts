import type { TarEntry, TarEvent } from '../tar/entry.ts'
import { cleanPath } from '../tar/path.ts'
import { whiteoutName } from '../tar/whiteout.ts'
import { CONTENT_PIECE, newContentHash, type ContentHash } from './content-hash.ts'
import { nameText, type ListedEntry } from './listed-entry.ts'
import { ListingWriter, type Listing } from './listing.ts'

/** How a tar is listed. */
export interface TarListingInit {
  /** Paths that are left out. @default none */
  skip?: (path: string) => boolean
  /** What files are cut into for their digests: see ContentHash. @default 1 MiB */
  pieceSize?: number
  /** Gives the digest of the content of `size` bytes that begins at `start` of the tar, where it is known. @default of none */
  contentAt?: (start: number, size: number) => Uint8Array | undefined
}

/** Lists what a layer's tar holds, as it is read. Entries that aufs left are no part of an image and are left out. */
export class TarListing {
  readonly #writer: ListingWriter
  readonly #skip: (path: string) => boolean
  readonly #hash: ContentHash
  readonly #contentAt: TarListingInit['contentAt']
  #open:
    | { entry: ListedEntry; left: number; skip: boolean; content: Uint8Array | undefined }
    | undefined = undefined

  constructor({ skip = () => false, pieceSize = CONTENT_PIECE, contentAt }: TarListingInit = {}) {
    this.#skip = skip
    this.#contentAt = contentAt
    this.#writer = new ListingWriter(pieceSize)
    this.#hash = newContentHash(pieceSize)
  }

  /** Takes each event of a TarReader; gives the digest of a file's content with the last of its bytes. */
  take(event: TarEvent): Uint8Array | undefined {
    if (event.type === 'entry') {
      const entry = listed(event.entry)
      if (entry === undefined) return undefined
      const skip = this.#skip(entry.path)
      if (entry.kind === 'file' && entry.size > 0) {
        const start = event.entry.offset + event.header.length
        const content = this.#contentAt?.(start, entry.size)
        this.#open = { entry, left: entry.size, skip, content }
      } else if (!skip) {
        this.#writer.add(entry)
      }
    } else if (event.type === 'data' && this.#open !== undefined) {
      const open = this.#open
      const { bytes } = event
      const isWhole = bytes.length === open.entry.size
      if (!isWhole && open.content === undefined) this.#hash.update(bytes)
      open.left -= bytes.length
      if (open.left > 0) return undefined
      this.#open = undefined
      const content = open.content ?? this.#digest(isWhole ? bytes : undefined)
      if (!open.skip) this.#writer.add({ ...open.entry, content })
      return content
    }
    return undefined
  }

  /** In place of the `data` events of a file: `content` is the digest of all that they would show. */
  close(content: Uint8Array): void {
    const open = this.#open
    this.#open = undefined
    if (open !== undefined && !open.skip) this.#writer.add({ ...open.entry, content })
  }

  /** Of `whole`, or of the pieces so far. */
  #digest(whole: Uint8Array | undefined): Uint8Array {
    return whole === undefined ? this.#hash.digest() : this.#hash.digestOf(whole)
  }

  /** After the last event. */
  finish(): Listing {
    return this.#writer.finish()
  }
}

/** A tar entry as it is listed; undefined for what aufs left. */
export function listed(entry: TarEntry): ListedEntry | undefined {
  const path = cleanPath(entry.nameBytes === undefined ? entry.name : nameText(entry.nameBytes))
  const { mode, uid, gid, mtime, mtimeNanoseconds, size, devMajor, devMinor, type } = entry
  const target = entry.linknameBytes === undefined ? entry.linkname : nameText(entry.linknameBytes)
  const device = type === 'character' || type === 'block'
  const common = {
    path,
    mode,
    uid,
    gid,
    mtime,
    mtimeNanoseconds,
    size: type === 'file' ? size : 0,
    devMajor: device ? devMajor : 0,
    devMinor: device ? devMinor : 0,
    target: type === 'hardlink' ? cleanPath(target) : type === 'symlink' ? target : '',
    ...(entry.xattrs === undefined ? {} : { xattrs: entry.xattrs }),
  }
  const whiteout = whiteoutName(path)
  switch (whiteout?.kind) {
    case 'aufs':
    case 'invalid':
      return undefined
    case 'whiteout':
      return { ...common, kind: 'whiteout', path: whiteout.path, size: 0, target: '' }
    case 'opaque':
      return { ...common, kind: 'opaque', path: whiteout.directory, size: 0, target: '' }
    case undefined:
      return { ...common, kind: type }
  }
}
