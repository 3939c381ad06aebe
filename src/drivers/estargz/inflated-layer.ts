import { createHash, type Hash } from 'node:crypto'
import { GrowingBytes } from '../../bytes/growing-bytes.ts'
import { isAccelError } from '../../errors/accel-error.ts'
import type { CompressBatch } from '../../formats/deflate/compress-batch.ts'
import type { InflateBack } from '../../formats/deflate/member-stream.ts'
import { isOfTheFormat } from '../../formats/estargz/layout.ts'
import type { ListingData } from '../../formats/listing/listing.ts'
import { TarListing } from '../../formats/listing/tar-listing.ts'
import { TarReader } from '../../formats/tar/reader.ts'
import { digestFrom, type Digest } from '../../oci/digest.ts'
import { moduleBeside } from '../../threads/start-thread.ts'
import type { InflatedBatch } from './inflate-back-batch.ts'

const DIGEST_SIZE = 32
const INFLATE_BACK = moduleBeside(import.meta.url, './inflate-back-batch')

/**
 * What came out of the members of a new blob when each was inflated again, right after it was compressed. Plain data, in
 * columns: an object for each file would be too many. Places are of the tar where nothing else is said, in bytes.
 */
export interface InflatedLayer {
  /** What the tar holds, but for what the format adds. */
  listing: ListingData
  /** Of the tar, and its bytes. */
  diffId: Digest
  size: number
  /** For each member: where it begins in the blob, and in the tar. */
  members: Float64Array
  /** For each part of a file that has a digest, in order: where it begins, and its bytes; and their sha256, 64 hex digits each. */
  parts: Float64Array
  digests: string
  /** For each file with content, in order: where it begins, its bytes; and the 32 bytes of digest that the listing has. */
  files: Float64Array
  contents: Uint8Array
  /** The sha256, hex, of files that are no part, by where they begin. */
  wholes: ReadonlyMap<number, string>
  /** For each run of members that were compressed together: where it ends in the blob; and 32 bytes of digest, by CONTENT_DIGESTER. */
  runs: Float64Array
  runDigests: Uint8Array
  /** Of the tar's bytes that are in no such member: the table of contents of eStargz. */
  rest: Digest
}

/** The memory of one, to be moved to another thread. */
export function inflatedBuffers(layer: InflatedLayer): ArrayBuffer[] {
  const { listing, members, parts, files, contents, runs, runDigests } = layer
  const columns = [listing.bytes, members, parts, files, contents, runs, runDigests]
  return columns.map((column) => column.buffer as ArrayBuffer)
}

/** Lists what comes out of the members of a blob while it is written. */
export class InflatedLayerRecord implements InflateBack {
  readonly module = INFLATE_BACK
  readonly #reader: TarReader
  readonly #listing = new TarListing({
    skip: isOfTheFormat,
    contentAt: (start, size) => this.#contentAt(start, size),
  })
  /** Something is not as it was made. */
  #failed = false
  #stored = 0
  #size = 0
  readonly #members: number[] = []
  readonly #parts: number[] = []
  readonly #digests: string[] = []
  readonly #partContents = new GrowingBytes()
  /** The first part that may be the next file. */
  #next = 0
  readonly #files: number[] = []
  readonly #contents = new GrowingBytes()
  readonly #wholes = new Map<number, string>()
  readonly #runs: number[] = []
  readonly #runDigests = new GrowingBytes()
  readonly #rest = createHash('sha256')
  /** The file whose content comes; its hash where it is no part. */
  #file: { start: number; size: number; hash: Hash | undefined } | undefined = undefined

  constructor(what: string) {
    this.#reader = new TarReader({ what })
  }

  take(bytes: Uint8Array, { ends, parts }: CompressBatch, result: InflatedBatch): void {
    this.#failed ||= !result.whole
    if (this.#failed) return
    const { sizes, digests, contents, stored } = result
    for (const [i, size] of sizes.entries()) {
      this.#members.push(this.#stored, this.#size + (i === 0 ? 0 : ends[i - 1]!))
      this.#stored += size
    }
    for (let i = 0; i < parts.length; i += 2) {
      this.#parts.push(this.#size + parts[i]!, parts[i + 1]! - parts[i]!)
    }
    this.#digests.push(digests)
    this.#partContents.add(contents)
    this.#runs.push(this.#stored)
    this.#runDigests.add(stored)
    this.#walk(bytes)
  }

  takeLong(bytes: Uint8Array): void {
    this.#rest.update(bytes)
    if (!this.#failed) this.#walk(bytes)
  }

  /** After all, with the digest of the tar; undefined where something did not come out as it was made: who reads the blob finds out what. */
  finish(diffId: Digest): InflatedLayer | undefined {
    if (!this.#failed) this.#try(() => this.#reader.end())
    if (this.#failed) return undefined
    return {
      listing: this.#listing.finish(),
      diffId,
      size: this.#size,
      members: Float64Array.from(this.#members),
      parts: Float64Array.from(this.#parts),
      digests: this.#digests.join(''),
      files: Float64Array.from(this.#files),
      contents: this.#contents.copy(),
      wholes: this.#wholes,
      runs: Float64Array.from(this.#runs),
      runDigests: this.#runDigests.copy(),
      rest: digestFrom(this.#rest),
    }
  }

  #walk(bytes: Uint8Array): void {
    this.#size += bytes.length
    this.#try(() => this.#reader.push(bytes))
  }

  /** Takes the events that are there after `step`. */
  #try(step: () => void): void {
    try {
      step()
      for (let event = this.#reader.next(); event !== undefined; event = this.#reader.next()) {
        if (event.type === 'data') this.#file?.hash?.update(event.bytes)
        const content = this.#listing.take(event)
        if (content === undefined || this.#file === undefined) continue
        const { start, size, hash } = this.#file
        this.#files.push(start, size)
        this.#contents.add(content)
        if (hash !== undefined) this.#wholes.set(start, hash.digest('hex'))
        this.#file = undefined
      }
    } catch (error) {
      if (!isAccelError(error)) throw error
      this.#failed = true
    }
  }

  /** The listing asks it of each file with content, when that begins. */
  #contentAt(start: number, size: number): Uint8Array | undefined {
    const parts = this.#parts
    while (this.#next < parts.length && parts[this.#next]! < start) this.#next += 2
    const isPart = parts[this.#next] === start && parts[this.#next + 1] === size
    this.#file = { start, size, hash: isPart ? undefined : createHash('sha256') }
    const at = (this.#next / 2) * DIGEST_SIZE
    return isPart ? this.#partContents.subarray(at, at + DIGEST_SIZE) : undefined
  }
}
