/** What a layer thread does for the dialect `plain`. */
import { createHash } from 'node:crypto'
import { MemberStream } from '../../formats/deflate/member-stream.ts'
import { digestFrom, type Digest } from '../../oci/digest.ts'
import { TwinHash } from '../../streams/twin-hash.ts'
import type { ListingData } from '../../formats/listing/listing.ts'
import type { LayerHost } from '../../threads/layer-host.ts'
import { openBlobFile } from '../blob-file.ts'
import { decodeSource, type SourceLayer } from '../decode-source.ts'
import { TarLister } from '../tar-lister.ts'

/** Uncompressed bytes of a frame: what one thread compresses at a time, and well below the window that all decoders take. */
export const FRAME_SIZE = 4 * 1024 * 1024

/** What the main thread says of the layer. */
export interface RecompressJobData extends SourceLayer {
  ingestPath: string
  /** 1 to 22. */
  level: number
}

/** What it is told in the end. */
export interface RecompressJobResult {
  digest: Digest
  size: number
  diffId: Digest
  uncompressedSize: number
  listing?: ListingData
  warnings: string[]
}

/** Compresses the layer's tar anew, as it is, in frames one behind the other. */
export async function run(data: RecompressJobData, host: LayerHost): Promise<RecompressJobResult> {
  using file = openBlobFile(data.ingestPath)
  const hash = createHash('sha256')
  const twins = new TwinHash()
  const stream = new MemberStream(host, {
    codec: { format: 'zstd', level: data.level },
    write(bytes) {
      hash.update(bytes)
      file.write(bytes)
    },
    onDigest: () => {},
    hash: twins.copy,
  })
  try {
    const warnings: string[] = []
    const lister = data.list ? new TarLister(data.what) : undefined
    const take = async (bytes: Uint8Array): Promise<void> => {
      for (let at = 0; at < bytes.length;) {
        if (stream.memberSize === 0 || stream.memberSize === FRAME_SIZE)
          await stream.cut(FRAME_SIZE)
        const piece = bytes.subarray(at, at + FRAME_SIZE - stream.memberSize)
        await stream.append(piece)
        at += piece.length
      }
      lister?.take(bytes)
      host.progress(stream.written)
    }
    const uncompressedSize = await decodeSource(data, host, {
      hash: twins.original,
      warn: (text) => void warnings.push(text),
      take,
    })
    const listing = lister?.finish(host)
    const diffId = await stream.finish()
    return {
      digest: digestFrom(hash),
      size: stream.written,
      diffId,
      uncompressedSize,
      ...(listing === undefined ? {} : { listing }),
      warnings,
    }
  } catch (error) {
    // As in the other dialects: a damaged download is found at its end, and then is the error.
    while ((await host.pull()) !== undefined);
    throw error
  }
}
