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
  REFERENCE_SAME_TARGET: row<{ reference: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    wire: 'ERR_SAME_TAG',
    text: (c) => `the result would replace its source ${c.reference}`,
    hint: 'Give converter.rules a tag_suffix, or another target: accelctl convert --to.',
  }),
  REFERENCE_NO_TARGET: row<{ source: string; why: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    wire: 'ERR_ILLEGAL_PARAMETER',
    text: (c) => `${c.source}: no target can be derived from it: ${c.why}`,
    hint: 'Name the source by tag, or say where the result goes: accelctl convert --to REFERENCE.',
  }),
}
