import { strict as assert } from 'node:assert'
import { AccelError } from '../../errors/accel-error.ts'
import { MAX_CHUNK } from '../nydus-blob/chunk-info.ts'
import type { ZranContext } from '../nydus-blob/layout.ts'
import type { ChunkCutter, CutChunk } from './chunk-cutter.ts'
import { type BlockStart, GzipBlocks, type ResumePoint } from './gzip-blocks.ts'

/** Where a new context is begun, in bytes. Source: nydus storage/src/meta/zran.rs (ZranContextGenerator::new). */
export interface ContextSizes {
  /** A gap counts only behind a context of more compressed bytes. @default 512 KiB */
  minCompressed: number
  /** Half of it, compressed, is enough for a context. @default 1 MiB */
  maxCompressed: number
  /** Uncompressed bytes that one more chunk must not reach. @default 2 MiB */
  maxUncompressed: number
}

const SIZES: ContextSizes = {
  minCompressed: 512 * 1024,
  maxCompressed: 1024 * 1024,
  maxUncompressed: 2 * 1024 * 1024,
}

/** The contexts of a layer, as the chunk table has them. */
export interface Contexts {
  contexts: ZranContext[]
  /** Their dictionaries, one behind the other. */
  dictionaries: Uint8Array
}

/** Those of the contexts whose numbers are given, in that order, and their dictionaries. */
export function pickContexts({ contexts, dictionaries }: Contexts, numbers: number[]): Contexts {
  let dictOffset = 0
  const picked = numbers.map((number) => {
    const context = { ...contexts[number]!, dictOffset }
    dictOffset += context.dictLength
    return context
  })
  const pieces = numbers.map((number) => {
    const { dictOffset: from, dictLength } = contexts[number]!
    return dictionaries.subarray(from, from + dictLength)
  })
  return { contexts: picked, dictionaries: Buffer.concat(pieces) }
}

/** A context that may become longer. */
interface OpenContext {
  readonly point: ResumePoint
  inLength: number
  outLength: number
}

export interface ContextCutterInit {
  /** Names the layer in messages. */
  what: string
  /** Largest chunk. */
  chunkSize: number
  sizes?: ContextSizes
  /** Gets all bytes of the tar, in order and in large pieces. Valid during the call. */
  onBytes?: (bytes: Uint8Array) => void
}

/**
 * Reads a gzip layer by exact amounts and cuts it into contexts, from each of which a reader can inflate the chunks
 * that were read between `beginChunk` and `endChunk`. Other bytes, such as tar headers, are in no chunk.
 *
 * Contexts begin at the block that the first of their chunks begins in, so they overlap. Where they begin is decided as in nydus
 * utils/src/compress/zlib_random.rs (ZranGenerator).
 *
 * Memory: that of GzipBlocks, and at most 32 KiB for each MiB of chunks.
 */
export class ContextCutter implements ChunkCutter {
  readonly bytes: GzipBlocks
  readonly #what: string
  readonly #chunkSize: number
  readonly #sizes: ContextSizes
  readonly #contexts: OpenContext[] = []
  #chunk: { inOffset: number; outOffset: number } | undefined = undefined

  constructor({ what, chunkSize, sizes = SIZES, onBytes }: ContextCutterInit) {
    this.#what = what
    this.#chunkSize = chunkSize
    this.#sizes = sizes
    this.bytes = new GzipBlocks({
      what,
      hold: chunkSize,
      onMember: (start) => this.#passMember(start),
      onBytes,
    })
  }

  beginChunk(size: number): void {
    assert(this.#chunk === undefined && size > 0 && size <= this.#chunkSize)
    this.bytes.hold(size)
    const { inOffset, outOffset } = this.bytes
    if (this.#isDue(inOffset, outOffset)) {
      this.#contexts.push({ point: this.bytes.resumePoint(), inLength: 0, outLength: 0 })
    }
    this.#chunk = { inOffset, outOffset }
  }

  endChunk(): CutChunk {
    const chunk = this.#chunk!
    this.#chunk = undefined
    const { inOffset, outOffset } = this.bytes
    const context = this.#contexts.at(-1)!
    const { point } = context
    context.inLength = inOffset - point.inOffset
    context.outLength = outOffset - point.outOffset
    if (context.outLength > MAX_CHUNK) {
      throw this.#unsuitable(
        `${context.outLength} bytes can be inflated only together, nydusd takes ${MAX_CHUNK}`,
      )
    }
    return {
      bytes: this.bytes.view(chunk.outOffset),
      place: {
        compressedOffset: chunk.inOffset,
        compressedSize: inOffset - chunk.inOffset,
        zran: {
          context: this.#contexts.length - 1,
          offset: chunk.outOffset - point.outOffset,
        },
      },
    }
  }

  /** The contexts, once all was read. Throws ZRAN_LAYER_UNSUITABLE where the last cannot be inflated by nydusd. */
  finish(): Contexts {
    assert(this.bytes.ended)
    const last = this.#contexts.at(-1)
    if (last !== undefined && endOf(last) === this.bytes.outOffset) {
      throw this.#unsuitable('it ends with a chunk, nydusd inflates only what has something behind')
    }
    let dictOffset = 0
    const contexts = this.#contexts.map(({ point, inLength, outLength }) => {
      const { dictionary, ...start } = point
      const dictLength = dictionary.length
      const context = { ...start, dictOffset, inLength, outLength, dictLength }
      dictOffset += dictLength
      return context
    })
    const dictionaries = Buffer.concat(this.#contexts.map(({ point }) => point.dictionary))
    return { contexts, dictionaries }
  }

  /**
   * A further member begins. A context that ended with the one before is not enough for nydusd's decoder
   * (ZranDecoder::uncompress): it meets the end of that and goes on, and needs the trailer, the next header and a byte
   * more. There may be a context behind it already, begun for a chunk of which nothing was read yet.
   */
  #passMember({ inOffset, outOffset }: BlockStart): void {
    for (const context of this.#contexts.slice(-2)) {
      if (endOf(context) === outOffset) context.inLength = inOffset + 1 - context.point.inOffset
    }
  }

  #isDue(inOffset: number, outOffset: number): boolean {
    const context = this.#contexts.at(-1)
    if (context === undefined) return true
    const { point } = context
    // Nothing new could be begun.
    if (this.bytes.block!.inOffset === point.inOffset) return false
    const { minCompressed, maxCompressed, maxUncompressed } = this.#sizes
    const compressed = inOffset - point.inOffset
    const uncompressed = outOffset - point.outOffset
    const full =
      compressed >= maxCompressed / 2 || uncompressed + this.#chunkSize >= maxUncompressed
    const gap = compressed > 2 * context.inLength && context.inLength > minCompressed
    return full || gap
  }

  #unsuitable(problem: string): AccelError {
    return new AccelError('ZRAN_LAYER_UNSUITABLE', { what: this.#what, problem })
  }
}

function endOf({ point, outLength }: OpenContext): number {
  return point.outOffset + outLength
}
