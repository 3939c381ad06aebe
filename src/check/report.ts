import type { Difference } from '../formats/listing/compare.ts'
import type { Finding } from '../verify/finding.ts'
import type { ViewFormat } from '../verify/compare-job.ts'

/** How one kind of reader sees an image, against its source. */
export interface CheckedView {
  /** `ordinary`: by unpacking; others lazily, as the reader of that format. */
  reader: ViewFormat
  /** Paths compared. */
  paths: number
  /** The first of them, by path. */
  differences: Difference[]
}

/** What the check of one image came to. */
export interface CheckedImage {
  /** Names it: the target and, in an index, the platform. */
  image: string
  digest: string
  /** The source image that it was compared with. */
  source: string
  views: CheckedView[]
  /** What is wrong with the format itself. */
  findings: Finding[]
  /** Everything that is wrong, described or not. */
  problems: number
  /** What was not checked, and why. */
  notes: string[]
}

/** What a check came to. */
export interface CheckReport {
  images: CheckedImage[]
  /** Nothing is wrong. */
  passed: boolean
}
