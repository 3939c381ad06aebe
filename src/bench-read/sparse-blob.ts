import { open, type FileHandle } from 'node:fs/promises'
import { AccelError } from '../errors/accel-error.ts'
import type { BlobSource } from '../formats/nydus-blob/blob-reader.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { storeError, type WorkDirectory } from '../store/work-directory.ts'
import type { MeteredRepository } from './metered-repository.ts'

/** Bytes that one request asks for at most, since they are held until all have come; more is several requests. */
export const MAX_REQUEST = 16 * 1024 * 1024

/** Largest blob: tables of what is there are made by its size. Source: nydus storage/src/device.rs, the limit of its blobs. */
const MAX_BLOB_SIZE = 2 ** 40

/**
 * A blob of which parts were fetched, kept in a file with holes as snapshotters keep theirs. What to fetch, and when, is
 * the affair of the reader that is followed; what was not fetched cannot be read. Memory: MAX_REQUEST.
 */
export class SparseBlob implements BlobSource, AsyncDisposable {
  readonly descriptor: Descriptor
  readonly path: string
  readonly #repository: MeteredRepository
  readonly #file: FileHandle
  readonly #stack: AsyncDisposableStack

  private constructor(
    descriptor: Descriptor,
    path: string,
    init: { repository: MeteredRepository; file: FileHandle; stack: AsyncDisposableStack },
  ) {
    this.descriptor = descriptor
    this.path = path
    this.#repository = init.repository
    this.#file = init.file
    this.#stack = init.stack
  }

  /** Nothing is fetched yet. Throws CONTENT_TOO_LARGE, STORE_…. */
  static async open(
    repository: MeteredRepository,
    descriptor: Descriptor,
    work: WorkDirectory,
  ): Promise<SparseBlob> {
    const { digest, size } = descriptor
    if (size > MAX_BLOB_SIZE) {
      throw new AccelError('CONTENT_TOO_LARGE', {
        what: `blob ${digest}`,
        size,
        limit: MAX_BLOB_SIZE,
      })
    }
    const stack = new AsyncDisposableStack()
    const { path, remove } = work.ingest()
    stack.defer(remove)
    try {
      const file = await open(path, 'wx+', 0o600)
      stack.defer(() => file.close())
      return new SparseBlob(descriptor, path, { repository, file, stack })
    } catch (cause) {
      await stack.disposeAsync()
      throw storeError(cause, path)
    }
  }

  get size(): number {
    return this.descriptor.size
  }

  /** Fetches a part, which is not verified. Throws REGISTRY_…, CONTENT_…, STORE_…. */
  async fetch(offset: number, length: number): Promise<void> {
    for (let at = offset; at < offset + length; at += MAX_REQUEST) {
      const part = Math.min(MAX_REQUEST, offset + length - at)
      await this.#write(await this.#repository.range(this.descriptor, at, part), at)
    }
  }

  /** Fetches all of it, verified, in one request. */
  async pull(): Promise<void> {
    let at = 0
    for await (const bytes of this.#repository.blob(this.descriptor)) {
      await this.#write(bytes, at)
      at += bytes.length
    }
  }

  /** Bytes that were fetched. Throws FORMAT_TRUNCATED where the blob has none. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const inside = offset >= 0 && offset + length <= this.size
    const bytes = Buffer.allocUnsafe(inside ? length : 0)
    for (let filled = 0; filled < bytes.length;) {
      const left = bytes.length - filled
      const { bytesRead } = await this.#file.read(bytes, filled, left, offset + filled)
      if (bytesRead === 0) break
      filled += bytesRead
      if (filled === length) return bytes
    }
    if (length === 0) return bytes
    throw new AccelError('FORMAT_TRUNCATED', {
      what: `blob ${this.descriptor.digest}`,
      format: 'blob',
      offset: this.size,
      expected: `${length} bytes at ${offset}`,
    })
  }

  async #write(bytes: Uint8Array, offset: number): Promise<void> {
    try {
      await this.#file.write(bytes, 0, bytes.length, offset)
    } catch (cause) {
      throw storeError(cause, this.path)
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync()
  }
}
