import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import type { Compressor } from '../codec/compressor.ts'
import { openCompressor } from '../codec/open.ts'

/** A piece of the uncompressed stream that becomes whole gzip members, and the parts of it whose digest is wanted. */
export interface CompressBatch {
  /** 1 to 9, zlib's scale. */
  level: number
  /** Where each member ends in the input; the first begins at 0. */
  ends: Uint32Array
  /** Start and end of each part, in turn. */
  parts: Uint32Array
}

export interface CompressedBatch {
  /** Bytes of each member; they lie one behind the other in the output. */
  sizes: Uint32Array
  /** sha256 of each part, 64 hex digits each. */
  digests: string
}

/**
 * Most bytes that `members` gzip members of `size` bytes together may take. What cannot be compressed is stored,
 * with five bytes for each 16 KiB; a member has eighteen of its own.
 */
export function batchBound(size: number, members: number): number {
  return size + (size >> 11) + 64 * members
}

const compressors = new Map<number, Compressor>()

/**
 * What a batch thread does: compresses `input` into `output`, member by member (RFC 1952, header `1f 8b 08 00`, no
 * name and time), and digests its parts. The compressor is reused: worth 10 to 25 % for members below 16 KiB.
 */
export function run(batch: CompressBatch, input: Uint8Array, output: Uint8Array): CompressedBatch {
  const compressor =
    compressors.get(batch.level) ?? openCompressor({ format: 'gzip', level: batch.level })
  compressors.set(batch.level, compressor)
  const { ends, parts } = batch
  const sizes = new Uint32Array(ends.length)
  let start = 0
  let at = 0
  for (const [i, end] of ends.entries()) {
    compressor.write(input.subarray(start, end))
    const member = compressor.finish()
    assert(at + member.length <= output.length, 'a slab has no room for what batchBound promised')
    output.set(member, at)
    sizes[i] = member.length
    at += member.length
    start = end
  }
  let digests = ''
  for (let i = 0; i < parts.length; i += 2) {
    digests += hash('sha256', input.subarray(parts[i], parts[i + 1]), 'hex')
  }
  return { sizes, digests }
}
