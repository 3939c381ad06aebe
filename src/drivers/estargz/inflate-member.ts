import type { BaseDecoder } from '../../formats/codec/base-decoder.ts'
import type { Decompressor } from '../../formats/codec/decompressor.ts'
import { CodecFault } from '../../formats/codec/handle.ts'
import { openDecompressor } from '../../formats/codec/open.ts'
import { GunzipStream } from '../../formats/gzip/inflate.ts'
import { ZstdDecompressStream } from '../../formats/zstd/decompress.ts'
import { ZstdPieces } from '../../formats/zstd/piece.ts'

/** What members are compressed with. */
export type MemberFormat = 'gzip' | 'zstd'

/** Of the buffer that a decompressor has of its own, and that is not used. */
const NO_BUFFER = 64

let gunzip: Decompressor | undefined
const zstd = new ZstdPieces()

/** A decoder of `format`: it can be made to begin anew. */
export function memberDecoder(format: MemberFormat, what: string): BaseDecoder {
  return format === 'gzip' ? new GunzipStream({ what }) : new ZstdDecompressStream({ what })
}

/**
 * Fills `target` with what is in the member `stored`; gives its bytes, or -1 where that is no single whole frame (zstd),
 * not whole members (gzip), or does not leave a byte free. One call of the library: there are many, and most are small.
 */
export function inflateMember(
  format: MemberFormat,
  stored: Uint8Array,
  target: Uint8Array,
): number {
  return format === 'gzip'
    ? inflateGzip(stored, target)
    : (zstd.decodeInto(stored, target)?.length ?? -1)
}

function inflateGzip(stored: Uint8Array, target: Uint8Array): number {
  if (stored.length === 0 || target.length === 0) return -1
  const decompressor = (gunzip ??= openDecompressor('gzip', NO_BUFFER))
  try {
    decompressor.reset()
    const { length } = decompressor.decode(stored, 0, stored.length, true, target)
    if (decompressor.used === stored.length && length < target.length) return length
  } catch (error) {
    if (!(error instanceof CodecFault)) throw error
  }
  // one that fails is of no use any more
  decompressor.close()
  gunzip = undefined
  return -1
}
