import type { Output } from '../log/terminal.ts'

/** Lines at the end of a terminal's output that are drawn again in place; everything else is printed above them. */
export interface LiveRegion {
  /** Prints `text`, which ends in a line end, above the lines. */
  print(text: string): void
  /** Draws the lines as they are now. */
  redraw(): void
  /** Takes the lines away and stops drawing. */
  end(): void
}

export interface LiveRegionInit {
  /** Milliseconds between two drawings. @default 100 */
  everyMs?: number
}

/** Size of a terminal that does not tell its own. */
const SIZE = { columns: 80, rows: 24 }

/** A region on `output` that shows what `lines` returns, redrawn by a timer that keeps no process alive. */
export function openLiveRegion(
  output: Output,
  lines: (size: { columns: number; rows: number }) => string[],
  init: LiveRegionInit = {},
): LiveRegion {
  let drawn = 0
  let shown = ''
  // up over the drawn lines, to the first column, and everything from there on cleared
  const erase = (): string => (drawn === 0 ? '' : `\x1b[${drawn}A\r\x1b[J`)
  const draw = (above: string): void => {
    const { columns = SIZE.columns, rows = SIZE.rows } = output
    // a line that fills the last column would wrap on some terminals and be counted wrong
    const next = lines({ columns: columns - 1, rows: rows - 1 })
    const text = next.map((line) => `${line}\n`).join('')
    if (above === '' && text === shown) return
    output.write(`${erase()}${above}${text}`)
    drawn = next.length
    shown = text
  }
  const timer = setInterval(() => draw(''), init.everyMs ?? 100)
  timer.unref()
  return {
    print: draw,
    redraw: () => draw(''),
    end() {
      clearInterval(timer)
      output.write(erase())
      drawn = 0
      shown = ''
    },
  }
}
