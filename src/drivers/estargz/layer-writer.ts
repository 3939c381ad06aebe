import type { BlobOutput } from '../../formats/estargz/chunk-writer.ts'
import type { BatchHost } from '../../threads/batch-host.ts'
import {
  EstargzWriter,
  estargzSlabSize,
  type EstargzBlob,
  type EstargzFormat,
  type LayerWriter,
} from '../../formats/estargz/write.ts'
import {
  ZstdChunkedWriter,
  type ZstdChunkedBlob,
  type ZstdChunkedFormat,
} from '../../formats/zstd-chunked/write.ts'

/** A lazily readable format with its options, as data that goes to a layer thread. */
export type LazyFormat =
  | ({ kind: 'estargz' } & EstargzFormat)
  | ({ kind: 'zstd-chunked' } & ZstdChunkedFormat)

/** What a blob of either format is. */
export type LazyBlob = EstargzBlob | ZstdChunkedBlob

/** A writer of `format` to `output`. */
export function openLayerWriter(
  host: BatchHost,
  format: LazyFormat,
  output: BlobOutput,
): LayerWriter<LazyBlob> {
  return format.kind === 'estargz'
    ? new EstargzWriter(host, format, output)
    : new ZstdChunkedWriter(host, format, output)
}

/** Bytes of the slabs that a writer of `format` needs. */
export function slabSizeOf(format: LazyFormat): { input: number; output: number } {
  return estargzSlabSize(format)
}
