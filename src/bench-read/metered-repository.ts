import { MAX_DOCUMENT_SIZE } from '../oci/json-document.ts'
import { AccelError } from '../errors/accel-error.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { collect, type ByteSource } from '../streams/byte-source.ts'
import type { RegistryRepository } from '../registry/repository.ts'
import type { Link } from './link.ts'

/** What was asked of a registry. */
export interface Traffic {
  /** Logins, redirects and repetitions are not counted: they are the same for all formats. */
  requests: number
  /** Of the bodies of answers. */
  bytes: number
}

/** What readers of images ask of a repository. */
export type ReadableRepository = Pick<
  RegistryRepository,
  'resolve' | 'manifest' | 'blob' | 'blobRange' | 'hasBlob'
>

/** A repository whose requests are counted and pass over a link. */
export class MeteredRepository {
  readonly #repository: ReadableRepository
  readonly #link: Link
  readonly #signal: AbortSignal
  readonly #traffic: Traffic = { requests: 0, bytes: 0 }

  constructor(repository: ReadableRepository, link: Link, signal: AbortSignal) {
    this.#repository = repository
    this.#link = link
    this.#signal = signal
  }

  /** So far. */
  get traffic(): Traffic {
    return { ...this.#traffic }
  }

  async resolve(tagOrDigest: string): Promise<Descriptor> {
    await this.#begin()
    return this.#repository.resolve(tagOrDigest, { signal: this.#signal })
  }

  async manifest(descriptor: Descriptor): Promise<Uint8Array> {
    await this.#begin()
    const bytes = await this.#repository.manifest(descriptor, { signal: this.#signal })
    return this.#arrived(bytes)
  }

  /** A small blob, verified: a config. */
  document(descriptor: Descriptor, what: string): Promise<Uint8Array> {
    const tooLarge = (size: number): Error =>
      new AccelError('CONTENT_TOO_LARGE', { what, size, limit: MAX_DOCUMENT_SIZE })
    return collect(this.blob(descriptor), MAX_DOCUMENT_SIZE, tooLarge)
  }

  /** All of a blob, verified. */
  async *blob(
    descriptor: Descriptor,
    signal = this.#signal,
  ): ByteSource & AsyncGenerator<Uint8Array> {
    await this.#begin()
    for await (const bytes of this.#repository.blob(descriptor, { signal })) {
      yield await this.#arrived(bytes)
    }
  }

  /** A part of a blob, in one request; not verified. */
  async range(descriptor: Descriptor, offset: number, length: number): Promise<Uint8Array> {
    await this.#begin()
    const range = { offset, length }
    const bytes = await this.#repository.blobRange(descriptor, range, { signal: this.#signal })
    return this.#arrived(bytes)
  }

  /** Asks for the size of a blob, as readers do that do not take it from its descriptor. */
  async head(descriptor: Descriptor): Promise<void> {
    await this.#begin()
    await this.#repository.hasBlob(descriptor, { signal: this.#signal })
  }

  async #begin(): Promise<void> {
    this.#traffic.requests++
    await this.#link.request(this.#signal)
  }

  async #arrived(bytes: Uint8Array): Promise<Uint8Array> {
    this.#traffic.bytes += bytes.length
    await this.#link.carry(bytes.length, this.#signal)
    return bytes
  }
}
