import type { Compression } from '../formats/codec/decoder.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { MeasuredLayer } from './layer-sink.ts'
import type { FormatName } from './format-name.ts'
import type { LayerMeasure } from './layer-measure.ts'
import type { TarFacts } from './tar-facts.ts'

/** What is expected of a layer. Sizes are bytes. */
export interface LayerEstimate {
  descriptor: Descriptor
  /** By its first bytes. */
  compression: Compression
  /** All of it was looked at: nothing is a guess. */
  whole: boolean
  /** Bytes of it, as stored, that were looked at. */
  seen: number
  tar: number
  entries: number
  files: number
  fileBytes: number
  smallFiles: number
  /** Processor time of decoding, in milliseconds. */
  decodeMs: number
  made: ReadonlyMap<FormatName, MeasuredLayer>
  /** Why it cannot be read where it is, as `oci_ref` has it. */
  unsuitable: string | undefined
  /** What there is in it, as far as it was seen, where that was asked for. */
  names: Pick<TarFacts, 'names'>
}

/**
 * Extrapolates from what was seen of a layer to all of it. `tarSize` is what the layer itself says of its uncompressed size.
 *
 * Blobs grow with the layer as stored: what is hard to compress for one compressor is so for the next, and where there is
 * more to say of files there are more of them. Processor time grows with the tar.
 */
export function estimateLayer(
  descriptor: Descriptor,
  measure: LayerMeasure,
  tarSize: number | undefined,
): LayerEstimate {
  const { compression, whole, stored, facts } = measure
  const byStored = whole || stored === 0 ? 1 : descriptor.size / stored
  const tar = whole ? measure.tar : (tarSize ?? Math.round(measure.tar * byStored))
  const byTar = whole || measure.tar === 0 ? 1 : tar / measure.tar
  const grown = (value: number, by: number): number => Math.round(value * by)
  const made = new Map<FormatName, MeasuredLayer>()
  let unsuitable: string | undefined
  for (const { name, layer } of measure.made) {
    if ('unsuitable' in layer) {
      unsuitable = layer.unsuitable
      continue
    }
    made.set(name, {
      ...layer,
      size: layer.kept === undefined ? grown(layer.size, byStored) : descriptor.size,
      indexSize: grown(layer.indexSize, byStored),
      imageSize: grown(layer.imageSize, byStored),
      threadMs: layer.threadMs * byTar,
      batchMs: layer.batchMs * byTar,
    })
  }
  return {
    descriptor,
    compression,
    whole,
    seen: whole ? descriptor.size : stored,
    tar,
    entries: grown(facts.entries, byStored),
    files: grown(facts.files, byStored),
    fileBytes: grown(facts.fileBytes, byTar),
    smallFiles: grown(facts.smallFiles, byStored),
    decodeMs: measure.decodeMs * byTar,
    made,
    unsuitable,
    names: facts.names === undefined ? {} : { names: facts.names },
  }
}
