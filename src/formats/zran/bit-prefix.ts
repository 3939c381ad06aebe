/**
 * Deflate blocks without output, by which what follows begins in the middle of a byte: node:zlib cannot be told to begin
 * there (zlib's inflatePrime). Bits are stored lowest first.
 */

/** A block of the fixed codes that ends at once: 3 bits of header, 7 of its end. */
const EMPTY_FIXED = '0100000000'

/**
 * The same with codes of its own, an odd number of bits: 93. The code length code has 1, 0 and 18 as 0, 10 and 11; 256 zeros,
 * a code of one bit for the end of the block, no distance code. Source: RFC 1951, section 3.2.7.
 */
const EMPTY_DYNAMIC = [
  '001',
  // 257 literal codes, 1 distance code, 18 code length codes
  number(0, 5) + number(0, 5) + number(14, 4),
  // of which in the order 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1 three are used
  ...Array.from({ length: 18 }, (_, i) => number(i === 2 || i === 3 ? 2 : i === 17 ? 1 : 0, 3)),
  // 138 and 118 zeros
  '11' + number(138 - 11, 7) + '11' + number(118 - 11, 7),
  '010',
  '0',
].join('')

/** By pending bits, the bits before them, which fill up to the byte that they are in. */
const PREFIXES = [0, 1, 2, 3, 4, 5, 6, 7].map(prefixBits)

/**
 * Bytes that precede a block of which the `pendingBits` highest bits of `previousByte` are the first: empty blocks, then
 * those bits.
 */
export function bitPrefix(pendingBits: number, previousByte: number): Uint8Array {
  const bits = PREFIXES[pendingBits]!
  const bytes = new Uint8Array((bits.length + pendingBits) / 8)
  for (let i = 0; i < bits.length; i++) if (bits[i] === '1') bytes[i >> 3]! |= 1 << (i & 7)
  if (pendingBits > 0) bytes[bytes.length - 1]! |= previousByte & (0xff << (8 - pendingBits))
  return bytes
}

function prefixBits(pendingBits: number): string {
  let bits = pendingBits % 2 === 0 ? '' : EMPTY_DYNAMIC
  while ((bits.length + pendingBits) % 8 !== 0) bits += EMPTY_FIXED
  return bits
}

function number(value: number, width: number): string {
  return Array.from({ length: width }, (_, bit) => (value >> bit) & 1).join('')
}
