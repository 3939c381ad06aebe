import { isAccelError } from '../../errors/accel-error.ts'
import type { BaseDecoder } from '../../formats/codec/base-decoder.ts'
import { GunzipStream } from '../../formats/gzip/inflate.ts'
import { ZstdDecompressStream } from '../../formats/zstd/decompress.ts'
import { ZstdPieces } from '../../formats/zstd/piece.ts'

/** What members are compressed with. */
export type MemberFormat = 'gzip' | 'zstd'

let gunzip: GunzipStream | undefined
const zstd = new ZstdPieces()

/** A decoder of `format`: it can be made to begin anew. */
export function memberDecoder(format: MemberFormat, what: string): BaseDecoder {
  return format === 'gzip' ? new GunzipStream({ what }) : new ZstdDecompressStream({ what })
}

/**
 * Fills `target` with what is in the member `stored`; gives its bytes, or -1 where that is no single whole frame (zstd),
 * not whole members (gzip), or has no room. A frame needs room for a byte more than it has.
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

function inflateGzip(stored: Uint8Array, output: Uint8Array): number {
  const decoder = (gunzip ??= new GunzipStream({ what: 'a member' }))
  let filled = 0
  const drain = (): boolean => {
    for (let out = decoder.next(); out !== undefined; out = decoder.next()) {
      if (filled + out.length > output.length) return false
      output.set(out, filled)
      filled += out.length
    }
    return true
  }
  decoder.restart()
  try {
    decoder.push(stored)
    if (drain()) {
      decoder.end()
      if (drain()) return filled
    }
  } catch (error) {
    if (!isAccelError(error)) throw error
  }
  // one that fails is of no use any more
  decoder.close()
  gunzip = undefined
  return -1
}
