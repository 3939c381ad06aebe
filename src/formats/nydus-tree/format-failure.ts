import type { ReadFailure } from '../../bytes/record-reader.ts'
import { AccelError } from '../../errors/accel-error.ts'

/** The errors of `format` for a RecordReader: FORMAT_TRUNCATED and FORMAT_INVALID. `what` names the image and layer. */
export function formatFailure(what: string, format: string): ReadFailure {
  return {
    truncated: (offset, expected) =>
      new AccelError('FORMAT_TRUNCATED', { what, format, offset, expected }),
    invalid: (offset, problem) =>
      new AccelError('FORMAT_INVALID', { what, format, offset, problem }),
  }
}
