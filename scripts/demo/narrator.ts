/** Says what happens, to a person. */
export interface Narrator {
  /** A numbered step begins. */
  step(text: string): void
  /** Something about the step. */
  detail(text: string): void
  /** A line of another program's log. */
  log(program: string, line: string): void
  /** Lines as they are. */
  plain(text: string): void
}

export interface NarratorInit {
  write(text: string): void
  /** Columns; longer lines of logs go on in the next. @default 80 */
  width?: number
  /** @default false */
  colored?: boolean
}

/** Writes the story line by line, as it happens. */
export function createNarrator(init: NarratorInit): Narrator {
  const { width = 80, colored = false } = init
  const paint = (code: number, text: string): string =>
    colored ? `\x1b[${code}m${text}\x1b[0m` : text
  const line = (text: string): void => init.write(`${text}\n`)
  let steps = 0
  return {
    step(text) {
      steps += 1
      line(`${steps === 1 ? '' : '\n'}${paint(1, `${steps}. ${text}`)}`)
    },
    detail: (text) => line(`   ${text}`),
    log(program, text) {
      const prefix = `   ${program} | `
      const [first = '', ...rest] = wrapped(text, width - prefix.length)
      line(paint(2, prefix + first))
      for (const more of rest) line(paint(2, ' '.repeat(prefix.length) + more))
    },
    plain: (text) => init.write(text),
  }
}

/** The text in lines of at most `width` characters, broken at spaces where there are any. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  let rest = text
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width)
    const end = space > 0 ? space : width
    lines.push(rest.slice(0, end))
    rest = rest.slice(end).trimStart()
  }
  return [...lines, rest]
}

/** What a line of logrus says, with its level where that is worth a look; another line as it is. */
export function logMessage(line: string): string {
  const [, level = '', quoted, word] =
    /(?:^| )level=(\w+) msg=(?:("(?:[^"\\]|\\.)*")|(\S+))/.exec(line) ?? []
  const message = quoted === undefined ? word : quoted.slice(1, -1).replace(/\\(["\\])/g, '$1')
  if (message === undefined) return line
  return level === 'info' ? message : `${level}: ${message}`
}
