import type { FileSource } from '../drivers/file-source.ts'
import type { BaseDecoder } from '../formats/codec/base-decoder.ts'
import type { BatchHost } from '../threads/batch-host.ts'
import type { HostSlab } from '../threads/known-slabs.ts'
import { moduleBeside } from '../threads/start-thread.ts'
import { memberDecoder, type MemberFormat } from '../drivers/estargz/inflate-member.ts'
import { PART_VALUES, type InflatedMembers, type StoredMembers } from './inflate-members.ts'
import { LARGEST_MEMBER, MEMBER_SLABS } from './slab-size.ts'

const INFLATE_MEMBERS = moduleBeside(import.meta.url, './inflate-members')

/** Members are handed out when they have so many bytes as stored, or are so many. */
const HAND_OUT_SIZE = 512 * 1024
const HAND_OUT_MEMBERS = 4096

/** Bytes that are read, and given on, at a time. */
const READ_SIZE = 256 * 1024

/** The file of a blob. */
export type MemberSource = Pick<FileSource, 'read' | 'readInto' | 'size'>

/** A part of a member whose digest is wanted: its number is the caller's. */
export interface MemberPart {
  part: number
  /** Uncompressed bytes of the member before it. */
  start: number
  size: number
}

/** What is decompressed on its own. */
export interface Member {
  /** Where it lies in the blob. */
  start: number
  end: number
  /** In order. */
  parts: MemberPart[]
}

/** Takes the layer as it comes out, in order. */
export interface MemberSink {
  begin(member: Member): void
  /** The sha256 of a part of the member that has begun, hex; of parts that came out otherwise it is not told. */
  digest(part: number, hex: string): void
  take(bytes: Uint8Array): void
  /** The error for one that was met in `member`. */
  failed(member: Member, error: unknown): unknown
}

export interface MemberRunsInit {
  what: string
  format: MemberFormat
  source: MemberSource
  sink: MemberSink
}

/**
 * Decompresses members on batch threads, many at a time, and gives them on in order. What a batch thread cannot do is
 * done in this thread instead: a member that is too large for a slab, and one that is damaged, which then is the error.
 * Memory: the slabs that the host gives, and a decoder.
 */
export class MemberRuns implements Disposable {
  readonly #host: BatchHost
  readonly #init: MemberRunsInit
  #run: Member[] = []
  #parts = 0
  /** Bytes that the run has as stored, and will have at least. */
  #stored = 0
  #expected = 0
  #decoder: BaseDecoder | undefined = undefined
  /** Settles when all runs so far are given on. */
  #tail: Promise<void> = Promise.resolve()
  #failure: { error: unknown } | undefined = undefined

  constructor(host: BatchHost, init: MemberRunsInit) {
    this.#host = host
    this.#init = init
  }

  /** Adds the member behind the last one. Throws what is wrong with it or with one before it. */
  async add(member: Member): Promise<void> {
    const stored = member.end - member.start
    const expected = member.parts.reduce((most, { start, size }) => Math.max(most, start + size), 0)
    const full =
      this.#stored >= HAND_OUT_SIZE ||
      this.#run.length === HAND_OUT_MEMBERS ||
      this.#stored + stored > MEMBER_SLABS.input ||
      this.#expected + expected > LARGEST_MEMBER
    if (full) await this.#handOut()
    if (stored > MEMBER_SLABS.input || expected > LARGEST_MEMBER) {
      await this.#tail
      return this.#inflateHere(member)
    }
    this.#run.push(member)
    this.#parts += member.parts.length
    this.#stored += stored
    this.#expected += expected
  }

  /** After the last member. */
  async finish(): Promise<void> {
    await this.#handOut()
    await this.#tail
  }

  [Symbol.dispose](): void {
    this.#decoder?.close()
  }

  async #handOut(): Promise<void> {
    const run = this.#run
    if (run.length === 0) return
    const size = this.#stored
    const data = this.#batch()
    this.#run = []
    this.#parts = this.#stored = this.#expected = 0
    const slab = await this.#host.takeSlab()
    if (this.#failure !== undefined) throw this.#failure.error
    this.#init.source.readInto(run[0]!.start, slab.input.subarray(0, size))
    const result = this.#host.batch(slab, { module: INFLATE_MEMBERS, data })
    this.#tail = this.#giveOnLater(slab, run, result as Promise<InflatedMembers>, this.#tail)
    this.#tail.catch((error: unknown) => {
      this.#failure ??= { error }
    })
  }

  #batch(): StoredMembers {
    const stored = new Uint32Array(this.#run.length)
    const parts = new Uint32Array(this.#parts * PART_VALUES)
    let at = 0
    for (const [i, member] of this.#run.entries()) {
      stored[i] = member.end - member.start
      for (const { start, size } of member.parts) {
        parts.set([i, start, size], at)
        at += PART_VALUES
      }
    }
    return { format: this.#init.format, stored, parts }
  }

  async #giveOnLater(
    slab: HostSlab,
    run: readonly Member[],
    result: Promise<InflatedMembers>,
    before: Promise<void>,
  ): Promise<void> {
    await before
    const { sizes, digests } = await result
    this.#giveOn(slab.output, run, sizes, digests)
    this.#host.giveSlab(slab)
    for (const member of run.slice(sizes.length)) await this.#inflateHere(member)
  }

  #giveOn(bytes: Uint8Array, run: readonly Member[], sizes: Uint32Array, digests: string): void {
    const { sink } = this.#init
    let at = 0
    let digest = 0
    for (const [i, size] of sizes.entries()) {
      const member = run[i]!
      try {
        sink.begin(member)
        for (const { part, start, size: length } of member.parts) {
          const hex = digests.slice(digest, (digest += 64))
          if (start + length <= size) sink.digest(part, hex)
        }
        for (const end = at + size; at < end;) {
          const stop = Math.min(end, at + READ_SIZE)
          sink.take(bytes.subarray(at, stop))
          at = stop
        }
      } catch (error) {
        throw sink.failed(member, error)
      }
    }
  }

  /** In this thread, piece by piece. */
  async #inflateHere(member: Member): Promise<void> {
    const { sink, what, format, source } = this.#init
    const decoder = (this.#decoder ??= memberDecoder(format, what))
    sink.begin(member)
    const drain = (): void => {
      for (let out = decoder.next(); out !== undefined; out = decoder.next()) sink.take(out)
    }
    decoder.restart()
    try {
      for (let at = member.start; at < member.end; at += READ_SIZE) {
        decoder.push(await source.read(at, Math.min(READ_SIZE, member.end - at)))
        drain()
      }
      decoder.end()
      drain()
    } catch (error) {
      throw sink.failed(member, error)
    }
  }
}
