import type { Compression } from '../formats/codec/decoder.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { LayerMaker } from './format.ts'
import type { FormatName } from './format-name.ts'
import type { MeasuredLayer } from './layer-sink.ts'
import type { TarFacts } from './tar-facts.ts'

/** What the main thread says of the layer. */
export interface LayerJobData {
  what: string
  layer: Pick<Descriptor, 'digest' | 'size'>
  /** All of the layer comes, and is not kept; else only its first bytes, which are. */
  whole: boolean
  /** The facts name every path. */
  listed: boolean
  makers: { name: FormatName; maker: LayerMaker }[]
}

/** What of a layer was looked at, and what it becomes. */
export interface LayerMeasure {
  /** By the first bytes, whatever the media type says. */
  compression: Compression
  /** Bytes of the layer as stored that were looked at, and of the tar in them. */
  stored: number
  tar: number
  /** All of the layer. */
  whole: boolean
  facts: TarFacts
  /** Processor time of decoding, in milliseconds. */
  decodeMs: number
  made: { name: FormatName; layer: MeasuredLayer | { unsuitable: string } }[]
}
