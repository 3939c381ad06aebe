/** What a layer thread does for a layer that Nydus reads where it is. */
import { AccelError } from '../../errors/accel-error.ts'
import type { Compression } from '../../formats/codec/decoder.ts'
import { sniff, SNIFF_SIZE } from '../../formats/codec/sniff.ts'
import { TarListing } from '../../formats/listing/tar-listing.ts'
import { ContextCutter } from '../../formats/zran/context-cutter.ts'
import { PlainCutter } from '../../formats/zran/plain-cutter.ts'
import { TarChunks } from '../../formats/zran/tar-chunks.ts'
import type { Digest } from '../../oci/digest.ts'
import type { LayerHost } from '../../threads/layer-host.ts'
import { openBlobFile } from '../blob-file.ts'
import { openStreamHash } from '../../streams/twin-hash.ts'
import { checkDiffId, compressionWarning } from '../decode-source.ts'
import { handOver } from '../tar-lister.ts'
import { untilEnd, type LayerJobResult } from './layer-job.ts'
import { writeRefBlob } from './ref-blob.ts'
import { RefBuild } from './ref-build.ts'

/** What the main thread says of the layer. */
export interface RefJobData {
  what: string
  /** How the media type says that the layer is compressed; its first bytes decide. */
  compression: Compression
  /** The layer as stored. */
  digest: Digest
  size: number
  diffId: Digest
  list: boolean
  ingestPath: string
  /** Bytes of a chunk. */
  chunkSize: number
}

/** Runs one conversion. Throws ZRAN_…, FORMAT_…, DRIVER_…, STORE_…, IMAGE_DIFF_ID_MISMATCH. */
export function run(data: RefJobData, host: LayerHost): Promise<LayerJobResult> {
  return untilEnd(host, () => convert(data, host))
}

async function convert(data: RefJobData, host: LayerHost): Promise<LayerJobResult> {
  const { what, chunkSize } = data
  const first = await firstPiece(host)
  const compression = sniff(first ?? new Uint8Array())
  if (compression === 'zstd') {
    const problem = 'it is compressed with zstd, which nydusd cannot read in part'
    throw new AccelError('ZRAN_LAYER_UNSUITABLE', { what, problem })
  }
  const hash = openStreamHash()
  // Files are listed with the digests of their chunks: so it is known what a file holds whose chunks were read back.
  const listing = data.list ? new TarListing({ pieceSize: chunkSize }) : undefined
  const onBytes = (bytes: Uint8Array): void => hash.update(bytes)
  const contexts =
    compression === 'gzip' ? new ContextCutter({ what, chunkSize, onBytes }) : undefined
  const cutter = contexts ?? new PlainCutter(chunkSize, onBytes)
  const build = new RefBuild({ what, chunkSize, zran: contexts !== undefined, listing })
  const reader = new TarChunks({ what, cutter, chunkSize })
  const takeAll = (): void => {
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      build.take(event)
    }
  }
  try {
    for (let piece = first; piece !== undefined; piece = await host.pull()) {
      reader.push(piece)
      takeAll()
    }
    reader.end()
    takeAll()
  } finally {
    cutter.bytes.close()
  }
  checkDiffId(what, data.diffId, hash.digest())
  if (compression !== data.compression) {
    build.warnings.add(compressionWarning(data.compression, compression))
  }
  const detail = build.entries.detail()
  using file = openBlobFile(data.ingestPath)
  const layer = { ...data, contexts: contexts?.finish() }
  const { digest, size } = await writeRefBlob(build, layer, (bytes) => file.write(bytes))
  host.progress(size)
  return {
    digest,
    size,
    warnings: build.warnings.list,
    entries: build.count,
    detail,
    sourceUncompressedSize: cutter.bytes.outOffset,
    ...(listing && { listing: handOver(listing, host) }),
  }
}

/** The first bytes of the source: enough to tell how it is compressed, or all. */
async function firstPiece(host: LayerHost): Promise<Uint8Array | undefined> {
  let first = await host.pull()
  while (first !== undefined && first.length < SNIFF_SIZE) {
    const start = new Uint8Array(first)
    const next = await host.pull()
    if (next === undefined) return start
    first = Buffer.concat([start, next])
  }
  return first
}
