import type { ReadFailure } from '../../bytes/record-reader.ts'
import { AccelError, isAccelError } from '../../errors/accel-error.ts'

/** The errors of `format` for a RecordReader: FORMAT_TRUNCATED and FORMAT_INVALID. `what` names the image and layer. */
export function formatFailure(what: string, format: string): ReadFailure {
  return {
    truncated: (offset, expected) =>
      new AccelError('FORMAT_TRUNCATED', { what, format, offset, expected }),
    invalid: (offset, problem) =>
      new AccelError('FORMAT_INVALID', { what, format, offset, problem }),
  }
}

/** An error of `formatFailure` that also says at which path of the tree it was found; others as they are. */
export function atPath(path: string, error: unknown): unknown {
  if (isAccelError(error, 'FORMAT_INVALID')) {
    const problem = `${path}: ${error.context.problem}`
    return new AccelError('FORMAT_INVALID', { ...error.context, problem }, { cause: error })
  }
  if (isAccelError(error, 'FORMAT_TRUNCATED')) {
    const expected = `${error.context.expected} of ${path}`
    return new AccelError('FORMAT_TRUNCATED', { ...error.context, expected }, { cause: error })
  }
  return error
}
