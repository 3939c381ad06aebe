import { stat } from 'node:fs/promises'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf, type Digest } from '../oci/digest.ts'
import { encodeDocument } from '../oci/json-document.ts'
import { isIndexType, isManifestType, OCI_INDEX } from '../oci/media-type.ts'
import { parseIndex, parseManifest } from '../oci/manifest.ts'
import { bytesFrom, type ByteSource } from '../streams/byte-source.ts'
import { verified } from '../streams/verified.ts'
import type { CallInit, ImageSource, ImageTarget } from '../transport/image-transport.ts'
import { archiveFiles } from './archive-files.ts'
import { blobPath, counted, isMissing, unreadable, type LayoutFiles } from './layout-files.ts'
import {
  emptyLayoutIndex,
  entryOf,
  INDEX_PATH,
  MARKER,
  MARKER_PATH,
  parseLayoutIndex,
  referrersTag,
  withEntry,
  withReferrer,
  type LayoutIndex,
} from './layout-index.ts'
import { layoutSource, plain, readLayoutIndex } from './layout-source.ts'
import { NewArchive } from './new-archive.ts'

/** What the archive holds that is to be replaced. */
interface OldArchive {
  files: LayoutFiles
  source: ImageSource
}

/**
 * A layout in a tar as a target. Blobs are streamed into a new tar beside the old one, one after the other; a
 * manifest with a tag completes it: what the old tar's other tags name is copied, the index follows, and the new tar
 * takes the place of the old one. Until then nothing is to be seen; `discard` takes away what was not completed.
 * Only a layout is replaced, never another file. Throws CONTENT_…, LAYOUT_…, STORE_FULL.
 */
export class ArchiveTarget implements ImageTarget {
  readonly name: string
  readonly #path: string
  #archive: NewArchive | undefined
  /** What the new tar has, with the sizes. */
  #blobs = new Map<Digest, number>()
  /** The documents in the new tar, which cannot be read from it yet. */
  #documents = new Map<Digest, Uint8Array>()
  /** Changes of the index since the old tar. */
  #entries: { descriptor: Descriptor; tag: string }[] = []
  #old: OldArchive | undefined
  #turn: Promise<unknown> = Promise.resolve()

  constructor(path: string, name: string) {
    this.#path = path
    this.name = name
  }

  async find(tagOrDigest: string, init?: CallInit): Promise<Descriptor | undefined> {
    const found = entryOf(await this.#index(init), tagOrDigest)
    return found && plain(found)
  }

  async hasBlob({ digest, size }: Descriptor): Promise<boolean> {
    if (this.#blobs.get(digest) === size) return true
    const old = await this.#oldArchive()
    return (await old?.files.size(blobPath(digest))) === size
  }

  async pushBlob(
    descriptor: Descriptor,
    read: (offset: number) => ByteSource,
    init: CallInit & { onProgress?: (bytes: number) => void } = {},
  ): Promise<'uploaded' | 'exists'> {
    return this.#inTurn(async () => {
      // What only the old tar has is copied when the new one is completed.
      if (await this.hasBlob(descriptor)) return 'exists'
      await this.#append(descriptor, counted(read(0), init.onProgress), init)
      return 'uploaded'
    })
  }

  async pushManifest(
    bytes: Uint8Array,
    descriptor: Descriptor,
    init: CallInit & { tag?: string; subject?: Digest } = {},
  ): Promise<void> {
    await this.#inTurn(async () => {
      await this.#addDocument(bytes, descriptor, init)
      const { tag, subject } = init
      if (subject !== undefined) await this.#addReferrer(bytes, descriptor, subject, init)
      if (tag === undefined) return
      this.#entries.push({ descriptor, tag })
      await this.#complete(init)
    })
  }

  /** Takes away what was written and not completed. */
  async discard(): Promise<void> {
    await this.#inTurn(async () => {
      const archive = this.#archive
      this.#forget()
      await archive?.discard()
    })
  }

  /** A tar is written from front to back: whoever writes waits for the one before. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }

  async #oldArchive(): Promise<OldArchive | undefined> {
    if (this.#old !== undefined) return this.#old
    const found = await stat(this.#path).catch((error: unknown) => {
      if (isMissing(error)) return undefined
      throw unreadable(this.#path, error)
    })
    if (found === undefined || found.size === 0) return undefined
    const files = archiveFiles(this.#path, this.name)
    await readLayoutIndex(files) // what is no layout is not replaced
    this.#old = { files, source: layoutSource(files) }
    return this.#old
  }

  /** The index as it will be. */
  async #index(init?: CallInit): Promise<LayoutIndex> {
    const old = await this.#oldArchive()
    const index = old === undefined ? emptyLayoutIndex() : await readLayoutIndex(old.files, init)
    return this.#entries.reduce(
      (changed, { descriptor, tag }) => withEntry(changed, descriptor, tag),
      index,
    )
  }

  async #addDocument(bytes: Uint8Array, descriptor: Descriptor, init: CallInit): Promise<void> {
    const { digest, size } = descriptor
    if (this.#blobs.get(digest) !== size) await this.#append(descriptor, bytesFrom(bytes), init)
    this.#documents.set(digest, bytes)
  }

  async #addReferrer(
    bytes: Uint8Array,
    descriptor: Descriptor,
    subject: Digest,
    init: CallInit,
  ): Promise<void> {
    const tag = referrersTag(subject)
    const entry = entryOf(await this.#index(init), tag)
    const document = entry && (await this.#document(entry, init))
    const list =
      document === undefined
        ? emptyLayoutIndex()
        : parseLayoutIndex(document, `${this.name}:${tag}`)
    const changed = withReferrer(list, bytes, descriptor)
    if (changed === undefined) return
    const encoded = encodeDocument(changed)
    const listed = { mediaType: OCI_INDEX, digest: digestOf(encoded), size: encoded.length }
    await this.#addDocument(encoded, listed, init)
    this.#entries.push({ descriptor: listed, tag })
  }

  /** A manifest or index of the new tar or the old one; undefined when neither has it. */
  async #document(descriptor: Descriptor, init: CallInit): Promise<Uint8Array | undefined> {
    const known = this.#documents.get(descriptor.digest)
    if (known !== undefined) return known
    const old = await this.#oldArchive()
    if ((await old?.files.size(blobPath(descriptor.digest))) === undefined) return undefined
    return old?.source.manifest(descriptor, init)
  }

  /** Writes the index and puts the tar in its place. The next write begins another. */
  async #complete(init: CallInit): Promise<void> {
    const index = await this.#index(init)
    for (const entry of index.manifests) await this.#keep(entry, init)
    const encoded = encodeDocument(index)
    const archive = await this.#begun()
    await archive.addFile(INDEX_PATH, bytesFrom(encoded), encoded.length, init)
    await archive.complete(init)
    this.#forget()
  }

  #forget(): void {
    this.#archive = undefined
    this.#old = undefined
    this.#entries = []
    this.#blobs = new Map()
    this.#documents = new Map()
  }

  /** Copies what `descriptor` names, as far as only the old tar has it. */
  async #keep(descriptor: Descriptor, init: CallInit): Promise<void> {
    const { digest, mediaType } = descriptor
    const isDocument = isIndexType(mediaType) || isManifestType(mediaType)
    const bytes = isDocument ? await this.#document(descriptor, init) : undefined
    if (!this.#blobs.has(digest)) {
      const old = await this.#oldArchive()
      const size = await old?.files.size(blobPath(digest))
      // A layer may be kept elsewhere, or was never there.
      if (old === undefined || size === undefined) return
      await this.#append(descriptor, old.source.blob(descriptor, init), init)
    }
    if (bytes === undefined) return
    const what = `${this.name}@${digest}`
    if (isIndexType(mediaType)) {
      for (const child of parseIndex(bytes, what).manifests) await this.#keep(child, init)
    } else {
      const { config, layers } = parseManifest(bytes, what)
      for (const blob of [config, ...layers]) await this.#keep(blob, init)
    }
  }

  async #append(descriptor: Descriptor, bytes: ByteSource, init: CallInit): Promise<void> {
    const { digest, size } = descriptor
    await this.#oldArchive() // refuses now, and not after hours, to replace what it must not
    const archive = await this.#begun()
    const checked = verified(bytes, descriptor, `${this.name}@${digest}`)
    await archive.addFile(blobPath(digest), checked, size, init)
    this.#blobs.set(digest, size)
  }

  /** The new tar, begun with the marker and the directories. */
  async #begun(): Promise<NewArchive> {
    if (this.#archive !== undefined) return this.#archive
    const archive = await NewArchive.begin(this.#path)
    this.#archive = archive
    await archive.addFile(MARKER_PATH, bytesFrom(MARKER), MARKER.length)
    for (const directory of ['blobs', 'blobs/sha256']) await archive.addDirectory(directory)
    return archive
  }
}
