import type { Toc, TocEntry } from '../estargz/toc.ts'

/** The table of contents: that of eStargz, with what containers/storage adds, which the stargz snapshotter skips. */
export interface ZstdChunkedToc extends Toc {
  entries: ZstdChunkedEntry[]
  /** sha256 of the compressed tar-split. */
  tarSplitDigest?: string
}

export interface ZstdChunkedEntry extends TocEntry {
  /** Where the last frame of a file's payload ends. */
  endOffset?: number
  /** `zeros`: the chunk is a run of zero bytes. */
  chunkType?: string
  accesstime?: string
  changetime?: string
}
