/** What a layer becomes in one format. Sizes are bytes. */
export interface MadeLayer {
  /** Of the blob. */
  size: number
  /** What of the blob only says where files are, and a lazy client pulls before the first file. */
  indexSize: number
  /** What the layer adds to a blob that the whole image has: the bootstrap of Nydus. */
  imageSize: number
  /** Why the source blob stays as it is, or cannot be read lazily. */
  kept?: string
}

/** What making a layer cost besides. */
export interface MeasuredLayer extends MadeLayer {
  /** Processor time in milliseconds: of the layer's own thread, decoding left out, and of its batches. */
  threadMs: number
  batchMs: number
}

/** Makes a layer of a tar that comes in pieces, and keeps nothing of it but its size. */
export interface LayerSink {
  take(bytes: Uint8Array): Promise<void>
  finish(): Promise<MadeLayer>
}
