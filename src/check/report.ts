import type { VerifyReport } from '../verify/report.ts'

/** What the check of one image came to. */
export interface CheckedImage extends VerifyReport {
  /** Names it: the target and, in an index, the platform. */
  image: string
  digest: string
  /** The source image that it was compared with. */
  source: string
}

/** What a check came to. */
export interface CheckReport {
  images: CheckedImage[]
  /** Nothing is wrong. */
  passed: boolean
}
