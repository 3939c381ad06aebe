import { digestFunction } from '../../formats/nydus-blob/chunk-digest.ts'
import type { BlobCipher } from '../../formats/nydus-blob/cipher.ts'
import { ChunkStream } from '../../formats/nydus-blob/chunk-stream.ts'
import { ChunkWriter, type ChunkDictionary } from '../../formats/nydus-blob/chunk-writer.ts'
import { LayerTree } from '../../formats/nydus-tree/layer-tree.ts'
import type { TarEvent } from '../../formats/tar/entry.ts'
import type { BatchHost, Wait } from '../../threads/batch-host.ts'
import { Warnings } from '../warnings.ts'
import { LayerEntries } from './layer-entries.ts'
import type { NydusFormat } from './options.ts'

/** Blob index of the layer's own blob while it is built. */
export const OWN_BLOB = 0

const BLOCK_SIZE = 4096

export interface LayerBuildInit {
  what: string
  format: NydusFormat
  dictionary: ChunkDictionary | undefined
  /** Of the layer's blob, where it is encrypted. */
  cipher: BlobCipher | undefined
  /** Takes the stored chunks, in order; valid during the call. */
  write(bytes: Uint8Array): void
}

/** Turns the events of a layer's tar into a tree and stored chunks. */
export class LayerBuild {
  /** Names the layer in messages. */
  readonly what: string
  readonly layer: LayerTree
  readonly entries: LayerEntries
  readonly chunks: ChunkWriter
  readonly warnings = new Warnings()
  /** Entries of the tar. */
  count = 0
  readonly #chunkSize: number
  readonly #stream: ChunkStream
  /** The file whose content comes, if it is kept. */
  #inode: number | undefined = undefined
  #size = 0
  /** Bytes that its chunk under way still lacks, and those after it. */
  #wanted = 0
  #rest = 0

  constructor(host: BatchHost, init: LayerBuildInit) {
    const { what, format, dictionary, cipher } = init
    this.what = what
    this.#chunkSize = format.chunkSize
    this.layer = new LayerTree({ what, chunkSize: format.chunkSize })
    this.entries = new LayerEntries(this.layer, this.warnings)
    this.chunks = new ChunkWriter({
      what,
      chunks: this.layer.tree.inodes.chunks,
      blobIndex: OWN_BLOB,
      digest: digestFunction('blake3'),
      alignment: format.aligned ? BLOCK_SIZE : 1,
      encrypted: cipher !== undefined,
      ...(dictionary === undefined ? {} : { dictionary }),
    })
    this.#stream = new ChunkStream(host, {
      writer: this.chunks,
      codec: format.codec,
      cipher,
      batchSize: format.batchSize,
      write: (bytes) => init.write(bytes),
    })
  }

  /** Takes an event of the TarReader; what it points to may change once the wait is over. Throws DRIVER_ENTRY_REFUSED, FORMAT_…. */
  take(event: TarEvent): Wait {
    switch (event.type) {
      case 'entry': {
        this.count++
        this.#inode = this.entries.take(event.entry)
        if (this.#inode === undefined) return undefined
        this.#size = this.#rest = event.entry.size
        this.layer.tree.inodes.beginContent(this.#inode, this.#size)
        return this.#begin()
      }
      case 'data':
        return this.#inode === undefined ? undefined : this.#data(event.bytes)
      case 'end':
        return undefined
    }
  }

  /** Waits until all chunks are written. */
  finish(): Promise<void> {
    return this.#stream.finish()
  }

  #begin(): Wait {
    this.#wanted = Math.min(this.#chunkSize, this.#rest)
    this.#rest -= this.#wanted
    return this.#stream.begin(this.#wanted, this.#wanted === this.#size)
  }

  #data(bytes: Uint8Array): Wait {
    const piece = bytes.length <= this.#wanted ? bytes : bytes.subarray(0, this.#wanted)
    this.#stream.append(piece)
    this.#wanted -= piece.length
    if (this.#wanted > 0) return undefined
    this.layer.tree.inodes.addChunk(this.#stream.end())
    return this.#rest > 0 ? this.#next(bytes.subarray(piece.length)) : undefined
  }

  async #next(bytes: Uint8Array): Promise<void> {
    await this.#begin()
    if (bytes.length > 0) await this.#data(bytes)
  }
}
