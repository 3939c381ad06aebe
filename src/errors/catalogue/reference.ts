import { row } from '../row.ts'

/** References and digests that are not written as they must be. */
export const referenceErrors = {
  REFERENCE_INVALID: row<{ text: string; problem: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    wire: 'ERR_ILLEGAL_PARAMETER',
    text: (c) => `${JSON.stringify(c.text)} is not a valid image reference: ${c.problem}`,
    hint: 'Write it as host[:port]/repository[:tag][@sha256:…], all lower case before the tag.',
  }),
}
