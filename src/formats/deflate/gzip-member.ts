import { gzip } from 'libdeflate'
import type { Compressor } from '../codec/compressor.ts'
import { openCompressor } from '../codec/open.ts'

/** Below, libdeflate's start costs more than it gains: for each member it clears 192 KiB. */
const SMALL = 8 * 1024
/** Where a tar header has its magic. */
const MAGIC = [257, Buffer.from('ustar')] as const
/** Bytes at the beginning that tell whether a member is text. */
const SAMPLE = 1024

/** The levels of zlib that stand for libdeflate's: 4 to 6 give about as small as its 6. */
const ZLIB_LEVELS = [0, 1, 2, 3, 6, 6, 6, 7, 8, 9, 9, 9, 9]

const zlibCompressors = new Map<number, Compressor>()

/**
 * `input` as one gzip member (RFC 1952: header of ten bytes `1f 8b 08 00`, no name and time; CRC-32 and size behind),
 * valid until the next call. The same input gives the same bytes on every machine.
 *
 * Programs and their data, which have zeros in them, are made by libdeflate, which is faster and better at it; small
 * members, text and runs of tar headers by zlib, which there is smaller by up to 20 %.
 */
export function gzipMember(input: Uint8Array, level: number): Uint8Array {
  if (input.length >= SMALL && isBinary(input)) return byLibdeflate(input, level)
  const zlib =
    zlibCompressors.get(level) ?? openCompressor({ format: 'gzip', level: ZLIB_LEVELS[level]! })
  zlibCompressors.set(level, zlib)
  zlib.write(input)
  return zlib.finish()
}

let lastMember = new ArrayBuffer(0)

/** The package makes an array for each member; collected as garbage they would amount to 50 MB in a thread. */
function byLibdeflate(input: Uint8Array, level: number): Uint8Array {
  lastMember.transfer(0)
  const member = gzip(input, level)
  lastMember = member.buffer as ArrayBuffer
  return member
}

function isBinary(input: Uint8Array): boolean {
  const [at, magic] = MAGIC
  return input.subarray(0, SAMPLE).includes(0) && !magic.every((byte, i) => input[at + i] === byte)
}
