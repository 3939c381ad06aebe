import assert from 'node:assert/strict'
import {
  constants,
  gunzipSync,
  gzipSync,
  inflateRawSync,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib'
import { NativeDeflate, NativeZstd } from './compressor.ts'
import type { Compressor, CompressorInit } from './compressor.ts'
import { NativeDecompressor } from './decompressor.ts'
import type { Algorithm, Decompressor } from './decompressor.ts'
import { frameBound } from './frame-bound.ts'
import { CodecFault } from './handle.ts'
import { foundOnce } from '../../threads/shared-facts.ts'

const KINDS = ['native', 'fallback'] as const

/**
 * How node:zlib is driven in this thread. `native`: by the handle inside its streams, which is not documented.
 * `fallback`: by the one-shot functions and by what npm's own tar relies on, slower.
 */
export type CodecKind = (typeof KINDS)[number]

/** Without a checksum zstd finds no fault in changed literals. */
const CHECKSUM = { [constants.ZSTD_c_checksumFlag]: 1 }

let kind: CodecKind | undefined

/** Which kind is in use, found by `selfTest` at the first call in a process. */
export function codecKind(): CodecKind {
  kind ??= foundOnce('codec kind', KINDS, () => (selfTest() === undefined ? 'native' : 'fallback'))
  return kind
}

/** What the self-test tries. */
export interface Candidate {
  decompressor(algorithm: Algorithm, bufferSize: number): Decompressor
  compressor(init: CompressorInit): Compressor
}

const NATIVE: Candidate = {
  decompressor: (algorithm, bufferSize) => new NativeDecompressor(algorithm, bufferSize),
  compressor: (init) =>
    init.format === 'zstd'
      ? new NativeZstd(init.level)
      : new NativeDeflate(init.format, init.level),
}

/**
 * Tries the native handle on known bytes, in both directions and on damaged ones. Returns what is not as it must
 * be, or undefined. Takes some 15 ms of CPU in a new thread. `candidate` is for tests.
 */
export function selfTest(candidate: Candidate = NATIVE): unknown {
  const input = sample()
  try {
    decompresses(candidate, 'gzip', gzipSync(input), input)
    decompresses(candidate, 'zstd', zstdCompressSync(input, { params: CHECKSUM }), input)
    compresses(candidate.compressor({ format: 'gzip' }), input, gunzipSync)
    compresses(candidate.compressor({ format: 'deflate-raw' }), input, inflateRawSync)
    compresses(candidate.compressor({ format: 'zstd' }), input, zstdDecompressSync)
    return undefined
  } catch (error) {
    return error
  }
}

/** 20,000 bytes that compress a little, so that the small buffers below are filled several times. */
function sample(): Uint8Array {
  const bytes = new Uint8Array(20_000)
  for (let i = 0, x = 1; i < bytes.length; i++) {
    x = (x * 16_807) % 2_147_483_647
    bytes[i] = x >> (i % 5 === 0 ? 8 : 20)
  }
  return bytes
}

function decompresses(
  candidate: Candidate,
  algorithm: Algorithm,
  compressed: Uint8Array,
  want: Uint8Array,
): void {
  // In the middle, so that offsets count, and cut in two.
  const padded = new Uint8Array(compressed.length + 20)
  padded.set(compressed, 10)
  const middle = 10 + (compressed.length >> 1)
  const end = 10 + compressed.length
  const pieces: Uint8Array[] = []
  const whole = candidate.decompressor(algorithm, 1024)
  try {
    for (let at = 10; at < end || whole.more; at += whole.used) {
      pieces.push(whole.decode(padded, at, at < middle ? middle : end, false).slice())
      assert(whole.used > 0 || whole.more)
    }
    assert.equal(whole.decode(padded, end, end, true).length, 0)
    assert(Buffer.concat(pieces).equals(want))
  } finally {
    whole.close()
  }
  const damaged = Uint8Array.from(compressed)
  damaged[compressed.length >> 1]! ^= 0xff
  damaged[compressed.length - 2]! ^= 0xff
  fails(candidate.decompressor(algorithm, 1024), damaged, damaged.length)
  fails(candidate.decompressor(algorithm, 1024), compressed, compressed.length - 3)
}

/** Damaged or cut off: must be reported as a fault, and only so. */
function fails(decompressor: Decompressor, bytes: Uint8Array, end: number): void {
  assert.throws(() => {
    for (let at = 0; at < end || decompressor.more; at += decompressor.used) {
      decompressor.decode(bytes, at, end, false)
      assert(decompressor.used > 0 || decompressor.more)
    }
    decompressor.decode(bytes, end, end, true)
  }, CodecFault)
  decompressor.close()
}

function compresses(
  compressor: Compressor,
  input: Uint8Array,
  inverse: (bytes: Uint8Array) => Uint8Array,
): void {
  try {
    // Twice: the second unit tells whether the first left something behind.
    const first = compressOnce(compressor, input)
    const second = compressor.unit(input, new Uint8Array(frameBound(input.length)))
    assert(Buffer.from(inverse(first)).equals(input))
    assert(Buffer.from(second).equals(first))
  } finally {
    compressor.close()
  }
}

function compressOnce(compressor: Compressor, input: Uint8Array): Uint8Array {
  compressor.write(input.subarray(0, 1000))
  const early = compressor.take().slice()
  compressor.write(input.subarray(1000))
  return Buffer.concat([early, compressor.finish()])
}
