import type { Digest } from '../../oci/digest.ts'
import type { ListingData } from './listing.ts'

/** How the readers of a converted layer see it, apart from other layers. Plain data, kept with the layer. */
export interface LayerView {
  /** To one that reads lazily; absent where that is what the source layer holds, byte for byte. */
  lazy?: ListingData
  /** To one that unpacks it; absent as above. */
  ordinary?: ListingData
  /** Of the tar, which ordinary readers compare with the image config. */
  diffId: Digest
  /** What is wrong with the format itself: clean path, or part of the format, and words. */
  findings: { path: string; problem: string }[]
  /** How many there are; `findings` are the first of them. */
  count: number
}
