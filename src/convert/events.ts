import type { ConversionReport } from './report.ts'

/** What becomes of one layer, in this order; `kept` layers are not converted. */
export type LayerState = 'waiting' | 'converting' | 'converted' | 'kept' | 'pushing' | 'pushed'

/**
 * What happens while one image is converted. Log, progress view and metrics only listen. The first six come once
 * each and in this order, unless the image is skipped or fails; times are milliseconds.
 */
export type ConversionEvent =
  | { type: 'pulling'; image: string }
  | { type: 'pulled'; image: string; cached: number; layers: number; elapsedMs: number }
  /** The disk has no room for it until others have ended; `bytes` are what it needs. */
  | { type: 'waiting for disk'; image: string; bytes: number }
  | { type: 'converting'; image: string }
  | { type: 'converted'; image: string; cached: number; layers: number; elapsedMs: number }
  | { type: 'pushing'; image: string }
  | { type: 'pushed'; image: string; elapsedMs: number }
  /** The target has an earlier result of the image, which its tag names now: nothing is converted. */
  | { type: 'reused'; image: string; digest: string }
  | { type: 'layer'; layer: LayerProgress }
  | { type: 'warning'; image: string; message: string }
  | { type: 'skipped'; image: string; reason: string }
  | { type: 'done'; report: ConversionReport }

/** Where one layer stands. Byte counts are totals. */
export interface LayerProgress {
  /** Platform of the image, `linux/amd64`. */
  platform: string
  /** Position in the image, from 1 for the lowest. */
  index: number
  digest: string
  state: LayerState
  /** Bytes of the source blob. */
  size: number
  /** Bytes of it that were read. */
  consumed: number
  /** Bytes of the converted blob that were written. */
  written: number
  /** Bytes of the converted blob that were pushed. */
  pushed: number
}
