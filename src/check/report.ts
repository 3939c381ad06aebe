import type { VerifyReport } from '../verify/report.ts'

/** What the check of one image came to. */
export interface CheckedImage extends VerifyReport {
  /** Names it: the target and, in an index, the platform. */
  image: string
  digest: string
  /** The source image that it was compared with. */
  source: string
  /** Every path was compared; else `notes` say what was not. */
  complete: boolean
}

/** What a check came to. */
export interface CheckReport {
  images: CheckedImage[]
  /** Everything was compared, and nothing is wrong. */
  passed: boolean
}
