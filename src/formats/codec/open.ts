import { codecKind } from './codec-kind.ts'
import type { CodecKind } from './codec-kind.ts'
import { NativeDeflate, NativeZstd, OneShotCompressor } from './compressor.ts'
import type { Compressor, CompressorInit } from './compressor.ts'
import { ChunkDecompressor, NativeDecompressor } from './decompressor.ts'
import type { Algorithm, Decompressor } from './decompressor.ts'

/** A decompressor with an output buffer of `bufferSize` bytes. `kind` is for tests. */
export function openDecompressor(
  algorithm: Algorithm,
  bufferSize: number,
  kind: CodecKind = codecKind(),
): Decompressor {
  return kind === 'native'
    ? new NativeDecompressor(algorithm, bufferSize)
    : new ChunkDecompressor(algorithm, bufferSize)
}

/** A compressor. Both kinds make the same bytes. `kind` is for tests. */
export function openCompressor(init: CompressorInit, kind: CodecKind = codecKind()): Compressor {
  // Stored deflate blocks are cut as the pieces and the output buffer are: whole units alone are always the same.
  if (kind === 'fallback' || init.level === 0) return new OneShotCompressor(init)
  return init.format === 'zstd'
    ? new NativeZstd(init.level)
    : new NativeDeflate(init.format, init.level)
}
