import type { Traffic } from './metered-repository.ts'
import type { ImageFacts } from './opened-image.ts'

/** One step of opening and reading an image. */
export interface StageReport extends Traffic {
  ms: number
}

/** What reading one image came to. Times and traffic are medians of the runs. */
export interface ImageReport extends Traffic, ImageFacts {
  /** Names it: the reference and, in an index, the platform. */
  image: string
  digest: string
  platform: string
  /** Bytes of all its blobs and documents, as stored. */
  size: number
  /** Part of `size` that was asked for, tables and what came along included. */
  share: number
  /** From the first request on, until the first file of the trace was read. */
  firstFileMs: number
  /** The same for the last. */
  lastByteMs: number
  /** Of single reads of the trace, once the image is open; 0 where all was there. */
  readP50Ms: number
  readP95Ms: number
  /** Manifest, config and what is needed to know the names of files; for an ordinary image all of it. */
  open: StageReport
  /** What the image wants to have before a program starts. */
  prefetch: StageReport
  reads: StageReport
  /** Paths of the trace that are no file in it. */
  missing: number
}

/** What a measurement came to. */
export interface ReadReport {
  trace: {
    /** The file that it was read from; absent: it was found out from the image. */
    file?: string
    /** Reads of each platform. */
    reads: Record<string, number>
    notes: string[]
  }
  /** What was added to the connection. */
  latencyMs: number
  bytesPerSecond?: number
  runs: number
  images: ImageReport[]
}
