import { randomUUID } from 'node:crypto'
import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { END_OF_TAR, encodeHeader, paddingSize } from '../formats/tar/writer.ts'
import { bytesFrom, type ByteSource } from '../streams/byte-source.ts'
import type { CallInit } from '../transport/image-transport.ts'
import { stopIfAborted, unwritable } from './layout-files.ts'

/** A tar that is written beside the place where it is to be. Errors of the file system are LAYOUT_UNWRITABLE, STORE_FULL. */
export class NewArchive {
  readonly #path: string
  readonly #partialPath: string
  readonly #file: FileHandle
  /** Bytes written that count. */
  #size = 0

  /** Begins a tar that is to be at `path`. */
  static async begin(path: string): Promise<NewArchive> {
    const partialPath = `${path}.${randomUUID()}.partial`
    try {
      return new NewArchive(path, partialPath, await open(partialPath, 'wx'))
    } catch (error) {
      throw unwritable(partialPath, error)
    }
  }

  private constructor(path: string, partialPath: string, file: FileHandle) {
    this.#path = path
    this.#partialPath = partialPath
    this.#file = file
  }

  async addDirectory(name: string): Promise<void> {
    await this.#write(bytesFrom(header(`${name}/`, 'directory', 0)))
  }

  /** Adds a file of `size` bytes; when `bytes` throws, nothing of it stays. */
  async addFile(name: string, bytes: ByteSource, size: number, init?: CallInit): Promise<void> {
    const blocks = async function* () {
      yield header(name, 'file', size)
      yield* bytes
      yield new Uint8Array(paddingSize(size))
    }
    await this.#write(blocks(), init)
  }

  /** Ends the tar and puts it in its place. */
  async complete(init?: CallInit): Promise<void> {
    await this.#write(bytesFrom(END_OF_TAR), init)
    try {
      await this.#file.datasync()
      await rename(this.#partialPath, this.#path)
    } catch (error) {
      throw unwritable(this.#path, error)
    }
    await this.#file.close()
  }

  async discard(): Promise<void> {
    await this.#file.close()
    await rm(this.#partialPath, { force: true })
  }

  async #write(blocks: ByteSource, init: CallInit = {}): Promise<void> {
    let end = this.#size
    try {
      for await (const chunk of blocks) {
        stopIfAborted(init.signal, `writing ${this.#path}`)
        for (let written = 0; written < chunk.length;) {
          const left = chunk.length - written
          const { bytesWritten } = await this.#file.write(chunk, written, left, end)
          written += bytesWritten
          end += bytesWritten
        }
      }
    } catch (error) {
      await this.#file.truncate(this.#size)
      throw unwritable(this.#path, error)
    }
    this.#size = end
  }
}

/** Owner, mode and time are always the same, so that the same image is the same tar. */
function header(name: string, type: 'file' | 'directory', size: number): Uint8Array {
  return encodeHeader({
    type,
    name,
    linkname: '',
    mode: type === 'file' ? 0o644 : 0o755,
    uid: 0,
    gid: 0,
    uname: '',
    gname: '',
    mtime: 0,
    mtimeNanoseconds: 0,
    size,
    devMajor: 0,
    devMinor: 0,
  })
}
