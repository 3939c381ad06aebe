import { createHash } from 'node:crypto'
import type { Compressor } from '../../formats/codec/compressor.ts'
import { openCompressor } from '../../formats/codec/open.ts'
import { encodeHeader, END_OF_TAR, paddingSize } from '../../formats/tar/writer.ts'
import { digestFrom, type Digest } from '../../oci/digest.ts'

/** Where the bootstrap is in its layer, and the folder of all. */
export const BOOTSTRAP_PATH = 'image/image.boot'
const FOLDER = 'image'

/** What the layer is. */
export interface BootstrapLayer {
  /** Of the gzip file. */
  digest: Digest
  size: number
  /** Of the tar. */
  diffId: Digest
  uncompressedSize: number
}

/**
 * Writes the layer that holds an image's bootstrap: a tar in one gzip member, without times and owners. The bytes are
 * given out in pieces as they are ready. Source: containerd/nydus-snapshotter pkg/converter/utils.go (packToTar).
 */
export class BootstrapLayerWriter {
  readonly #write: (bytes: Uint8Array) => void
  readonly #gzip: Compressor = openCompressor({ format: 'gzip' })
  readonly #blob = createHash('sha256')
  readonly #tar = createHash('sha256')
  #size = 0
  #uncompressedSize = 0

  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write
    this.#add(header(FOLDER, 'directory', 0o755, 0))
  }

  /** Adds a file of `size` bytes. */
  file(name: string, size: number, pieces: Iterable<Uint8Array>): void {
    this.#add(header(name, 'file', 0o444, size))
    for (const piece of pieces) this.#add(piece)
    this.#add(END_OF_TAR.subarray(0, paddingSize(size)))
  }

  finish(): BootstrapLayer {
    this.#add(END_OF_TAR)
    this.#emit(this.#gzip.finish())
    this.#gzip.close()
    return {
      digest: digestFrom(this.#blob),
      size: this.#size,
      diffId: digestFrom(this.#tar),
      uncompressedSize: this.#uncompressedSize,
    }
  }

  #add(bytes: Uint8Array): void {
    this.#tar.update(bytes)
    this.#uncompressedSize += bytes.length
    this.#gzip.write(bytes)
    this.#emit(this.#gzip.take())
  }

  #emit(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#blob.update(bytes)
    this.#size += bytes.length
    this.#write(bytes)
  }
}

function header(name: string, type: 'file' | 'directory', mode: number, size: number): Uint8Array {
  const none = { linkname: '', uid: 0, gid: 0, uname: '', gname: '', devMajor: 0, devMinor: 0 }
  return encodeHeader({ ...none, name, type, mode, size, mtime: 0, mtimeNanoseconds: 0 })
}
