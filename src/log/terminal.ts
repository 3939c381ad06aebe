/** A stream to which a program speaks: standard output or standard error. */
export interface Output {
  write(text: string): unknown
  /** It is a terminal. */
  isTTY?: boolean | undefined
  /** Its size in characters, where it is one. */
  columns?: number | undefined
  rows?: number | undefined
}

/** How to write on `output`: as for people or for a pipe, in colours or not. Source: no-color.org for NO_COLOR. */
export function terminalStyle(
  output: Output,
  environment: Readonly<Record<string, string | undefined>>,
): { terminal: boolean; colored: boolean; movable: boolean } {
  const terminal = output.isTTY === true
  const capable = terminal && environment['TERM'] !== 'dumb'
  return { terminal, colored: capable && !environment['NO_COLOR'], movable: capable }
}
