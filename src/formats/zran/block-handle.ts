import assert from 'node:assert/strict'
import { constants, createInflateRaw, deflateRawSync } from 'node:zlib'
import { AccelError } from '../../errors/accel-error.ts'
import { ZlibHandle } from '../codec/handle.ts'

/** Smallest output buffer that node:zlib takes for its own; the handle gets ours. */
const NO_CHUNK = 64

/**
 * Inflates raw deflate and stops where a block ends: Z_BLOCK on the native handle of node:zlib, which is not
 * documented. The properties speak of the last call.
 */
export class BlockHandle {
  /** Input bytes used. Bits of the last one may belong to what follows. */
  used = 0
  /** Bytes that came out. */
  made = 0
  readonly #handle = new ZlibHandle(createInflateRaw({ chunkSize: NO_CHUNK }))

  /**
   * Inflates from bytes `start` to `end` of `input` into `output` from `outputStart` to `outputEnd`, until one of them is used
   * up or a block ends. Where both have room left, a block ended; where besides nothing was used nor made, the
   * last one had. Throws CodecFault; then only `close` may follow.
   */
  inflate(
    input: Uint8Array,
    start: number,
    end: number,
    output: Uint8Array,
    outputStart: number,
    outputEnd: number,
  ): void {
    const [inLength, outLength] = [end - start, outputEnd - outputStart]
    this.#handle.write(constants.Z_BLOCK, input, start, inLength, output, outputStart, outLength)
    this.used = inLength - this.#handle.availIn
    this.made = outLength - this.#handle.availOut
  }

  /** Begins a new stream. */
  reset(): void {
    this.#handle.reset()
  }

  close(): void {
    this.#handle.close()
  }
}

let works: boolean | undefined

/**
 * A BlockHandle. Throws ZRAN_UNAVAILABLE where this Node's zlib does not stop at blocks as it must, which
 * is tried once a thread.
 */
export function openBlockHandle(open: () => BlockHandle = () => new BlockHandle()): BlockHandle {
  works ??= stopsAtBlocks(open)
  if (!works) throw new AccelError('ZRAN_UNAVAILABLE', { node: process.version })
  return open()
}

/**
 * Tries three blocks of known size: a stored, an empty stored and a fixed one. Also tells whether a call without
 * room goes on at a boundary, and only there. For tests `open` gives another handle.
 */
export function stopsAtBlocks(open: () => BlockHandle): boolean {
  const text = Buffer.from('three blocks, the last of which is compressed with the fixed codes')
  const last = deflateRawSync(text, { strategy: constants.Z_FIXED })
  const stored = Buffer.from([0, 3, 0, 0xfc, 0xff, ...Buffer.from('abc')])
  const empty = Buffer.from([0, 0, 0, 0xff, 0xff])
  const input = Buffer.concat([stored, empty, last, Buffer.from('behind')])
  const output = Buffer.alloc(200)
  let at = 0
  const stops = (room: number, used: number, made: number): void => {
    handle!.inflate(input, at, input.length, output, 0, room)
    assert.deepEqual([handle!.used, handle!.made], [used, made])
    at += handle!.used
  }
  let handle: BlockHandle | undefined
  try {
    handle = open()
    // Full at the end of a block: goes on where asked again, to the end of the next, which is empty.
    stops(3, stored.length, 3)
    stops(0, empty.length, 0)
    // Full within a block: stays.
    const inner = new BlockHandle()
    inner.inflate(last, 0, last.length, output, 0, 20)
    const used = inner.used
    inner.close()
    stops(20, used, 20)
    stops(0, 0, 0)
    stops(100, last.length - used, text.length - 20)
    assert(output.subarray(0, text.length - 20).equals(text.subarray(20)))
    // At the end of the last block: nothing more.
    stops(100, 0, 0)
    handle.reset()
    at = stored.length + empty.length
    stops(100, last.length, text.length)
    return true
  } catch {
    return false
  } finally {
    handle?.close()
  }
}
