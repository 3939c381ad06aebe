import { row } from '../row.ts'

/** Lists of file reads that cannot be used. */
export const traceErrors = {
  TRACE_INVALID: row<{ file: string; line: number; problem: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.file}:${c.line}: ${c.problem}`,
    hint: 'A trace has one path a line, with OFFSET LENGTH behind it where only a part is read, or one JSON object a line; see docs/bench-read.md.',
  }),
  TRACE_TOO_LARGE: row<{ file: string; what: string; limit: number }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.file}: it has more than ${c.limit} ${c.what}`,
    hint: 'Cut the trace off where the program in it is ready.',
  }),
}
