import type { Output } from '../../log/terminal.ts'

/** An output that keeps what is written to it. */
export interface RecordedOutput extends Output {
  readonly text: string
}

/** An output for a test: a pipe, or a terminal of a size. */
export function recordOutput(terminal?: { columns: number; rows: number }): RecordedOutput {
  let text = ''
  return {
    get text() {
      return text
    },
    write: (piece) => (text += piece),
    ...(terminal === undefined ? {} : { isTTY: true, ...terminal }),
  }
}
