import type { TargetImage } from '../check/target-image.ts'
import { openFile } from '../drivers/file-source.ts'
import { AccelError } from '../errors/accel-error.ts'
import { nameText } from '../formats/listing/listed-entry.ts'
import type { Chunk } from '../formats/nydus-tree/chunk-store.ts'
import { isDirectory, isRegular, isSymlink } from '../formats/nydus-tree/file-mode.ts'
import { type FileTree, NONE, ROOT } from '../formats/nydus-tree/file-tree.ts'
import { numberTree, type Numbering } from '../formats/nydus-tree/numbering.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { hexOf, type Digest } from '../oci/digest.ts'
import { isEncryptedType } from '../oci/media-type.ts'
import { readBootstrapLayer, type OpenedBootstrap } from '../verify/bootstrap-file.ts'
import { layerKind } from '../verify/layer-kind.ts'
import type { NydusBlob } from '../verify/nydus-image.ts'
import { inParallel } from './in-parallel.ts'
import { BATCH_SIZE } from './nydus-fetch.ts'
import { OpenedNydusBlob } from './nydus-blob.ts'
import {
  IN_BACKGROUND,
  type ImageFacts,
  type OpenedFile,
  type OpenedImage,
} from './opened-image.ts'
import type { ReaderParts } from './reader-parts.ts'
import { SparseBlob } from './sparse-blob.ts'

/** Chunk tables that are fetched at a time: threads of nydusd's backend. */
const OPENED_BLOBS = 8
/** What the kernel asks a FUSE server for at a time, in order. Source: Linux, VM_READAHEAD_PAGES. */
const READ_SIZE = 128 * 1024
/** Files that a v5 read is extended to. Source: nydus rafs/src/metadata/md_v5.rs (max_tries). */
const MAX_FOLLOWING = 64

/** Whether an image has a bootstrap. */
export function isNydus({ manifest }: TargetImage): boolean {
  return manifest.layers.some((layer) => layerKind(layer) === 'nydus-bootstrap')
}

/**
 * Opens a Nydus image as containerd with nydus-snapshotter and nydusd does: the bootstrap layer is pulled, and of v6 the
 * chunk table of each blob is fetched. Throws BENCH_UNREADABLE where blobs are not in the registry or the bootstrap is encrypted.
 */
export async function openNydusImage(
  { what, manifest }: TargetImage,
  parts: ReaderParts,
): Promise<OpenedImage> {
  const { repository, work, stack } = parts
  const unreadable = (why: string): AccelError =>
    new AccelError('BENCH_UNREADABLE', { image: what, why })
  const layer = manifest.layers.find((one) => layerKind(one) === 'nydus-bootstrap')!
  if (isEncryptedType(layer.mediaType)) throw unreadable('its bootstrap is encrypted')
  const pulled = stack.use(await SparseBlob.open(repository, layer, work))
  await pulled.pull()
  using file = openFile(pulled.path, what)
  const bootstrap = await readBootstrapLayer(file, what)
  const layers = new Map(manifest.layers.map((one) => [hexOf(one.digest), one]))
  const sparse = async (descriptor: Descriptor | undefined, id: string): Promise<SparseBlob> => {
    if (descriptor === undefined) throw unreadable(`its blob ${id} is not among its layers`)
    return stack.use(await SparseBlob.open(repository, descriptor, work))
  }
  const limit = parts.concurrency ?? OPENED_BLOBS
  const blobs = await inParallel(bootstrap.blobs, limit, async (entry) => {
    const { blobId, tablesId } = entry
    const data = await sparse(layers.get(blobId) ?? referred(entry), blobId)
    const tables = tablesId === undefined ? data : await sparse(layers.get(tablesId), tablesId)
    const id = `sha256:${tablesId ?? blobId}`
    return OpenedNydusBlob.open(entry, { data, tables }, `${what}, blob ${id}`)
  })
  return new NydusImage(bootstrap, blobs, factsOf(bootstrap, manifest.layers))
}

function factsOf({ version, blobs }: OpenedBootstrap, layers: readonly Descriptor[]): ImageFacts {
  const named = new Set(layers.map(({ digest }) => hexOf(digest)))
  const others = blobs.filter(({ blobId }) => !named.has(blobId))
  const isRef = blobs.some(({ tablesId }) => tablesId !== undefined)
  return {
    format: isRef ? 'nydus-ref' : `nydus-v${version}`,
    reader: 'nydusd',
    size: [...layers, ...others].reduce((sum, { size = 0 }) => sum + size, 0),
    notes: [IN_BACKGROUND],
  }
}

/** A layer that the manifest does not name, as the bootstrap knows it. */
function referred({ blobId, tablesId, size }: NydusBlob): Descriptor | undefined {
  if (tablesId === undefined || size === undefined) return undefined
  const digest = `sha256:${blobId}` as Digest
  return { mediaType: 'application/octet-stream', digest, size }
}

class NydusImage implements OpenedImage {
  readonly facts: ImageFacts
  readonly #bootstrap: OpenedBootstrap
  readonly #tree: FileTree
  readonly #numbering: Numbering
  readonly #blobs: readonly OpenedNydusBlob[]

  constructor(bootstrap: OpenedBootstrap, blobs: readonly OpenedNydusBlob[], facts: ImageFacts) {
    this.facts = facts
    this.#bootstrap = bootstrap
    this.#tree = bootstrap.tree
    this.#numbering = numberTree(bootstrap.tree)
    this.#blobs = blobs
  }

  entry(path: string): OpenedFile | undefined {
    const node = this.#node(path)
    if (node === NONE) return undefined
    const inode = this.#tree.inodeOf(node)
    const { inodes } = this.#tree
    const mode = inodes.mode(inode)
    const symlink = isSymlink(mode)
    return {
      kind: isRegular(mode)
        ? 'file'
        : isDirectory(mode)
          ? 'directory'
          : symlink
            ? 'symlink'
            : 'other',
      mode: mode & 0o7777,
      size: isRegular(mode) ? inodes.sizeOf(inode) : 0,
      target: symlink ? nameText(inodes.target(inode)) : '',
    }
  }

  children(path: string): string[] {
    const node = this.#node(path)
    if (node === NONE || !isDirectory(this.#tree.mode(node))) return []
    const names = [...this.#tree.children(node)].map((child) => nameText(this.#tree.nameOf(child)))
    return names.map((name) => (path === '' ? name : `${path}/${name}`))
  }

  /** Files and directories of the prefetch table, unless it is all. Source: nydus rafs/src/fs.rs (do_prefetch). */
  async prefetch(): Promise<void> {
    if (this.#bootstrap.prefetch.includes(ROOT)) return
    const waiting = this.#bootstrap.prefetch.filter((node) => node !== NONE).toReversed()
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      const mode = this.#tree.mode(node)
      if (isDirectory(mode)) waiting.push(...this.#tree.children(node).toReversed())
      if (!isRegular(mode)) continue
      const inode = this.#tree.inodeOf(node)
      await this.#fetch(inode, 0, this.#tree.inodes.sizeOf(inode))
    }
  }

  async *read(path: string, offset: number, length: number): AsyncGenerator<Uint8Array> {
    const { inodes } = this.#tree
    const inode = this.#tree.inodeOf(this.#node(path))
    const { chunkSize } = inodes
    const end = offset + length
    for (let at = offset; at < end;) {
      const position = Math.floor(at / chunkSize)
      const start = position * chunkSize
      const stop = Math.min(end, start + chunkSize)
      await this.#fetch(inode, at, stop)
      const chunk = inodes.chunks.get(inodes.chunkAt(inode, position))
      const bytes = await this.#blobs[chunk.blobIndex]!.read(chunk)
      yield bytes.subarray(at - start, stop - start)
      at = stop
    }
  }

  /** Asks for the chunks from `from` to `to`, as reads of READ_SIZE would. */
  async #fetch(inode: number, from: number, to: number): Promise<void> {
    const { chunkSize } = this.#tree.inodes
    for (let at = from; at < to; at += READ_SIZE) {
      const first = Math.floor(at / chunkSize)
      const behind = Math.floor((Math.min(to, at + READ_SIZE) - 1) / chunkSize) + 1
      for (const part of byBlob([...this.#chunks(inode, first, behind)])) {
        const { blobIndex } = part[0]!
        const following = this.#following(blobIndex, { inode, first, behind })
        await this.#blobs[blobIndex]!.fetch(part, following)
      }
    }
  }

  /**
   * What v5 reads along with the chunks of a file from `first` to before `behind`: the rest of the file and the files
   * behind it, as far as they are in the same blob and fit.
   */
  *#following(
    blobIndex: number,
    { inode, first, behind }: { inode: number; first: number; behind: number },
  ): Generator<Chunk> {
    const { inodes } = this.#tree
    const { chunkSize } = inodes
    const { node, firstName, count } = this.#numbering
    const base = Math.min(behind * chunkSize, inodes.sizeOf(inode))
    let window = BATCH_SIZE - (base - first * chunkSize)
    if (window <= 0) return
    const more = Math.min(behind + Math.ceil(window / chunkSize), inodes.chunkCount(inode))
    for (const chunk of this.#chunks(inode, behind, more)) {
      if (chunk.blobIndex !== blobIndex) continue
      window -= chunk.uncompressedSize
      yield chunk
    }
    let left = MAX_FOLLOWING
    for (let at = firstName[inode]! + 1; at < count && window > 0 && left > 0; at++) {
      const next = this.#tree.inodeOf(node[at]!)
      const size = isRegular(inodes.mode(next)) ? inodes.sizeOf(next) : 0
      if (size === 0) continue
      const whole = size < window ? inodes.chunkCount(next) : Math.floor(window / chunkSize)
      if (whole === 0) return
      for (const chunk of this.#chunks(next, 0, whole)) {
        if (chunk.blobIndex !== blobIndex) continue
        window -= chunk.uncompressedSize
        yield chunk
      }
      left--
    }
  }

  *#chunks(inode: number, first: number, behind: number): Generator<Chunk> {
    const { inodes } = this.#tree
    for (let position = first; position < behind; position++) {
      yield inodes.chunks.get(inodes.chunkAt(inode, position))
    }
  }

  #node(path: string): number {
    let node = ROOT
    if (path === '') return node
    for (const name of path.split('/')) {
      node = this.#tree.lookup(node, nameBytes(name))
      if (node === NONE) return NONE
    }
    return node
  }
}

/** The reverse of `nameText`. */
function nameBytes(text: string): Uint8Array {
  if (!text.includes('\\x')) return Buffer.from(text)
  const latin1 = Buffer.from(text)
    .toString('latin1')
    .replaceAll(/\\x([\da-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
  return Buffer.from(latin1, 'latin1')
}

/** Chunks that follow each other in one blob. */
function byBlob(chunks: readonly Chunk[]): Chunk[][] {
  const parts: Chunk[][] = []
  for (const chunk of chunks) {
    const part = parts.at(-1)
    if (part?.[0]?.blobIndex === chunk.blobIndex) part.push(chunk)
    else parts.push([chunk])
  }
  return parts
}
