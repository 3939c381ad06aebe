/**
 * CRC-32C (Castagnoli): reflected polynomial 0x82F63B78, all bits inverted before and after. Eight bytes a step by
 * eight tables. Source: RFC 3720 appendix B.4; "slicing by 8" of Kounavis and Berry.
 */

const POLYNOMIAL = 0x82f6_3b78

/** Table k holds, at k * 256 + b, the effect of byte b with k bytes behind it. Made when it is first needed. */
let tables: Int32Array | undefined

function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    made[byte] = crc
  }
  for (let i = 256; i < made.length; i++) {
    const before = made[i - 256] as number
    made[i] = (before >>> 8) ^ (made[before & 0xff] as number)
  }
  return made
}

/** The CRC-32C of `bytes`, or of bytes with the CRC `before` followed by `bytes`. Unsigned. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const t = (tables ??= makeTables())
  let crc = ~before
  let at = 0
  for (const whole = bytes.length - 7; at < whole; at += 8) {
    const low = view.getInt32(at, true) ^ crc
    const high = view.getInt32(at + 4, true)
    crc =
      (t[0x700 + (low & 0xff)] as number) ^
      (t[0x600 + ((low >>> 8) & 0xff)] as number) ^
      (t[0x500 + ((low >>> 16) & 0xff)] as number) ^
      (t[0x400 + (low >>> 24)] as number) ^
      (t[0x300 + (high & 0xff)] as number) ^
      (t[0x200 + ((high >>> 8) & 0xff)] as number) ^
      (t[0x100 + ((high >>> 16) & 0xff)] as number) ^
      (t[high >>> 24] as number)
  }
  for (; at < bytes.length; at++) {
    crc = (crc >>> 8) ^ (t[(crc ^ (bytes[at] as number)) & 0xff] as number)
  }
  return ~crc >>> 0
}
