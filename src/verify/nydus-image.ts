import { crc32c } from '../bytes/crc32c.ts'
import { AccelError, isAccelError } from '../errors/accel-error.ts'
import {
  CONTENT_DIGESTER,
  contentOfPieces,
  newContentHash,
  type ContentHash,
} from '../formats/listing/content-hash.ts'
import { nameText, type ListedEntry } from '../formats/listing/listed-entry.ts'
import type { MergedEntry } from '../formats/listing/merged-tree.ts'
import type { Compressor, Digester } from '../formats/nydus-blob/algorithm.ts'
import type { BlobCipher } from '../formats/nydus-blob/cipher.ts'
import { digestFunction } from '../formats/nydus-blob/chunk-digest.ts'
import { ChunkFlag } from '../formats/nydus-blob/feature.ts'
import {
  decodeDevice,
  isDevice,
  isDirectory,
  isRegular,
  isSymlink,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFMT,
} from '../formats/nydus-tree/file-mode.ts'
import type { Chunk } from '../formats/nydus-tree/chunk-store.ts'
import type { FileTree } from '../formats/nydus-tree/file-tree.ts'
import { compareBytes } from '../formats/nydus-tree/name-order.ts'
import { nlinkOf, numberTree } from '../formats/nydus-tree/numbering.ts'
import type { RafsV6Blob } from '../formats/rafs-v6/layout.ts'
import { Findings } from './finding.ts'
import type { ChunkReader } from './nydus-chunks.ts'

/** A blob of a bootstrap, as far as its chunks are concerned. */
export interface NydusBlob {
  /** Hex digits of the digest of what holds the data. */
  blobId: string
  compressor: Compressor
  digester: Digester
  /** Those of the blob that holds the tables, where the data is in a layer of another format. */
  tablesId?: string
  /** Where it is encrypted. */
  cipher?: BlobCipher | undefined
  /** v6: where its chunk table is, in the blob that holds the tables, and its stored bytes; a header follows it. */
  table?: { offset: number; size: number }
  /** v6: bytes of the data and what lies before the bootstrap, or, where the data is in a layer of another format, of that. */
  size?: number
  /** v6: all that the bootstrap says of it. */
  entry?: RafsV6Blob
}

/** A bootstrap of either version, as far as its files are concerned. */
export interface NydusBootstrap {
  tree: FileTree
  blobs: readonly NydusBlob[]
  /** By node: the link count that is stored of its inode. */
  links: readonly number[]
}

export interface NydusImageInit {
  /** Names the image in messages. */
  what: string
  /** What files are cut into for the digests of the source's listing: see ContentHash. */
  pieceSize: number
  /** Opens the chunks of a blob. */
  openBlob(blob: NydusBlob): Promise<ChunkReader>
  /** Takes what there is at each path, directories before what they hold. @default it is not asked for */
  take?(entry: MergedEntry): void
}

/**
 * Reads every name, attribute and chunk of a Nydus image, as nydusd with validation does: each chunk is found,
 * decompressed, and held to its digest, unless all of its blob were before: then the digests of its chunks are what says
 * which content a file has. What cannot be read comes as a finding with the path of the file.
 */
export async function readNydusImage(
  bootstrap: NydusBootstrap,
  init: NydusImageInit,
): Promise<Findings> {
  const findings = new Findings()
  const { tree } = bootstrap
  const { inodes } = tree
  const files = new FileContents(bootstrap, init)
  const numbering = numberTree(tree)
  /** Of files with several names. */
  const contents = new Map<number, Uint8Array>()
  const directories = new Map<number, string>([[0, '']])
  const pathAt = (position: number): string => {
    if (position === 0) return ''
    const above = directories.get(numbering.parent[position]!)!
    const name = nameText(tree.nameOf(numbering.node[position]!))
    return above === '' ? name : `${above}/${name}`
  }
  for (let position = 0; position < numbering.count; position++) {
    const path = pathAt(position)
    const inode = tree.inodeOf(numbering.node[position]!)
    const mode = inodes.mode(inode)
    if (isDirectory(mode)) directories.set(position, path)
    const linked = isRegular(mode) && numbering.links[inode]! > 1
    const entry = { ...attributes(tree, inode, path), implied: false, inode, linked }
    const said = bootstrap.links[numbering.node[position]!]!
    const links = nlinkOf(tree, numbering, position)
    if (said !== links) findings.add(path, `its link count is ${said}, and should be ${links}`)
    const other = linked ? contents.get(inode) : undefined
    if (other !== undefined) entry.content = other
    else if (inodes.sizeOf(inode) > 0 && isRegular(mode)) {
      try {
        entry.content = files.knownDigest(inode) ?? (await files.digest(inode))
      } catch (error) {
        if (!isAccelError(error)) throw error
        findings.add(path, error.message)
      }
      if (linked && entry.content !== undefined) contents.set(inode, entry.content)
    }
    init.take?.(entry)
  }
  return findings
}

/** The content of files, chunk by chunk. */
class FileContents {
  readonly #bootstrap: NydusBootstrap
  readonly #init: NydusImageInit
  readonly #blobs: (ChunkReader | undefined)[] = []
  readonly #failed = new Map<number, unknown>()
  /** Chunks are the pieces of the source's listing. */
  readonly #chunksArePieces: boolean
  #hash: ContentHash | undefined = undefined

  constructor(bootstrap: NydusBootstrap, init: NydusImageInit) {
    this.#bootstrap = bootstrap
    this.#init = init
    this.#chunksArePieces = bootstrap.tree.inodes.chunkSize === init.pieceSize
  }

  /** The digest of a file whose chunks are in blobs that are open and were read back before, else undefined. Throws FORMAT_…. */
  knownDigest(inode: number): Uint8Array | undefined {
    if (!this.#chunksArePieces) return undefined
    const { inodes } = this.#bootstrap.tree
    const count = inodes.chunkCount(inode)
    const digests: Uint8Array[] = []
    let listedBy: Digester | undefined
    for (let i = 0; i < count; i++) {
      const chunk = inodes.chunks.get(inodes.chunkAt(inode, i))
      const reader = this.#blobs[chunk.blobIndex]
      if (reader?.compare === undefined || !this.#isListedBy(chunk, reader)) return undefined
      // It says more of its bytes than their digest.
      if (reader.comparesOnly !== true && (chunk.flags & ChunkFlag.hasCrc32) !== 0) return undefined
      reader.compare(chunk)
      digests.push(chunk.digest)
      listedBy = reader.listedBy
    }
    return contentOfPieces(digests, listedBy)
  }

  /** Whether the source's listing has the digests of chunks of a blob. */
  #isListedBy({ blobIndex }: Chunk, { listedBy = CONTENT_DIGESTER }: ChunkReader): boolean {
    return this.#bootstrap.blobs[blobIndex]!.digester === listedBy
  }

  async digest(inode: number): Promise<Uint8Array> {
    const { tree } = this.#bootstrap
    const { inodes } = tree
    let unread = false
    for (let i = 0; i < inodes.chunkCount(inode); i++) {
      const reader = await this.#blob(inodes.chunks.blobIndexOf(inodes.chunkAt(inode, i)))
      unread ||= reader.comparesOnly === true
    }
    // now that all of its blobs are open
    const known = this.knownDigest(inode)
    if (known !== undefined) return known
    return unread ? this.#digestOfPieces(inode) : this.#digestOfBytes(inode)
  }

  /** Of a file with chunks that can only be compared: others are read. */
  async #digestOfPieces(inode: number): Promise<Uint8Array> {
    const { inodes } = this.#bootstrap.tree
    const digests: Uint8Array[] = []
    for (let i = 0; i < inodes.chunkCount(inode); i++) {
      const chunk = inodes.chunks.get(inodes.chunkAt(inode, i))
      const reader = await this.#blob(chunk.blobIndex)
      if (!this.#chunksArePieces || !this.#isListedBy(chunk, reader)) {
        throw this.#invalid(`chunk ${chunk.index} of blob ${chunk.blobIndex} is not at hand`)
      }
      if (reader.comparesOnly === true) reader.compare!(chunk)
      else await this.#read(chunk)
      digests.push(chunk.digest)
    }
    return contentOfPieces(digests)
  }

  async #digestOfBytes(inode: number): Promise<Uint8Array> {
    const { inodes } = this.#bootstrap.tree
    const hash = this.#hash ?? newContentHash(this.#init.pieceSize)
    // one that is not ended must not be gone on with
    this.#hash = undefined
    let size = 0
    for (let i = 0; i < inodes.chunkCount(inode); i++) {
      const chunk = inodes.chunks.get(inodes.chunkAt(inode, i))
      const bytes = await this.#read(chunk)
      hash.update(bytes)
      size += bytes.length
    }
    if (size !== inodes.sizeOf(inode)) {
      throw this.#invalid(
        `the chunks of a file have ${size} bytes, its inode says ${inodes.sizeOf(inode)}`,
      )
    }
    this.#hash = hash
    return hash.digest()
  }

  /** The bytes of a chunk, which have its digest. */
  async #read(chunk: Chunk): Promise<Uint8Array> {
    const bytes = await (await this.#blob(chunk.blobIndex)).read(chunk)
    const { digester } = this.#bootstrap.blobs[chunk.blobIndex]!
    const got = digestFunction(digester)(bytes)
    if (compareBytes(got, chunk.digest) !== 0) {
      throw new AccelError('CONTENT_DIGEST_MISMATCH', {
        what: `${this.#init.what}, chunk ${chunk.index} of blob ${chunk.blobIndex}`,
        want: `${digester}:${Buffer.from(chunk.digest).toString('hex')}`,
        got: `${digester}:${Buffer.from(got).toString('hex')}`,
        size: bytes.length,
      })
    }
    if ((chunk.flags & ChunkFlag.hasCrc32) !== 0 && crc32c(bytes) !== chunk.crc32) {
      throw this.#invalid(`chunk ${chunk.index} of blob ${chunk.blobIndex} has another CRC`)
    }
    return bytes
  }

  #invalid(problem: string): AccelError {
    const { what } = this.#init
    return new AccelError('FORMAT_INVALID', { what, format: 'RAFS bootstrap', offset: 0, problem })
  }

  /** A blob that cannot be opened is not tried again for each of its files. */
  async #blob(index: number): Promise<ChunkReader> {
    if (this.#failed.has(index)) throw this.#failed.get(index)
    try {
      return (this.#blobs[index] ??= await this.#init.openBlob(this.#bootstrap.blobs[index]!))
    } catch (error) {
      this.#failed.set(index, error)
      throw error
    }
  }
}

function attributes(tree: FileTree, inode: number, path: string): ListedEntry {
  const { inodes } = tree
  const mode = inodes.mode(inode)
  const device = isDevice(mode) ? decodeDevice(inodes.device(inode)) : { major: 0, minor: 0 }
  const xattrs = inodes.xattrs.get(inodes.xattrSet(inode))
  return {
    path,
    kind: kindOf(mode),
    mode: mode & 0o7777,
    uid: inodes.uid(inode),
    gid: inodes.gid(inode),
    mtime: inodes.mtime(inode),
    mtimeNanoseconds: inodes.mtimeNanoseconds(inode),
    size: isRegular(mode) ? inodes.sizeOf(inode) : 0,
    devMajor: device.major,
    devMinor: device.minor,
    target: isSymlink(mode) ? nameText(inodes.target(inode)) : '',
    ...(xattrs.length === 0
      ? {}
      : { xattrs: new Map(xattrs.map(({ name, value }) => [nameText(name), value])) }),
  }
}

/** Sockets are in no tar; a bootstrap that has one differs from every source. */
function kindOf(mode: number): ListedEntry['kind'] {
  if (isRegular(mode)) return 'file'
  if (isDirectory(mode)) return 'directory'
  if (isSymlink(mode)) return 'symlink'
  switch (mode & S_IFMT) {
    case S_IFCHR:
      return 'character'
    case S_IFBLK:
      return 'block'
    case S_IFIFO:
      return 'fifo'
    default:
      return 'fifo'
  }
}
