import { BaseDecoder } from './base-decoder.ts'
import type { DecoderInit } from './decoder.ts'

/** Passes bytes through that are not compressed: views of the pieces. */
export class PlainDecoder extends BaseDecoder {
  readonly compression = 'none'

  constructor(init: DecoderInit) {
    super(init, 'tar')
  }

  close(): void {}

  protected rewind(): void {}

  protected step(): Uint8Array | undefined {
    return this.feed.take(this.feed.left)
  }
}
