import { row } from '../row.ts'

/** What should not happen, and what was asked for by stopping. */
export const internalErrors = {
  ABORTED: row<{ what: string }>({
    status: 499,
    exit: 130,
    retry: 'never',
    text: (c) => `${c.what} was cancelled`,
    hint: 'Nothing has to be done; start it again if the cancellation was not meant.',
  }),
}
