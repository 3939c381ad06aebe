import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLiveRegion } from './live-region.ts'

const ESC = String.fromCodePoint(0x1b)
const sequences = new RegExp(`${ESC}\\[\\d*[AJ]|\\r|\\n|[^${ESC}\\r\\n]+`, 'g')
const cursorUp = new RegExp(`^${ESC}\\[(\\d+)A$`)

/** A terminal that understands what the region sends: printed lines, cursor up, clear to the end. */
function terminal(columns = 40, rows = 10) {
  let screen: string[] = ['']
  return {
    isTTY: true,
    columns,
    rows,
    writes: 0,
    get lines(): string[] {
      return screen.slice(0, -1)
    },
    write(text: string): void {
      this.writes += 1
      for (const [piece] of text.matchAll(sequences)) {
        const up = cursorUp.exec(piece)
        if (up !== null) {
          const row = screen.length - 1 - Number(up[1])
          assert.ok(row >= 0, 'moved above the screen')
          screen = screen.slice(0, row + 1)
        } else if (piece === '\x1b[J') screen[screen.length - 1] = ''
        else if (piece === '\n') screen.push('')
        else if (piece !== '\r') screen[screen.length - 1] += piece
      }
    },
  }
}

test('lines are drawn in place, and what is printed stands above them', () => {
  const output = terminal()
  let lines = ['a 1', 'b 1']
  const region = openLiveRegion(output, () => lines)
  region.redraw()
  assert.deepEqual(output.lines, ['a 1', 'b 1'])
  lines = ['a 2']
  region.redraw()
  assert.deepEqual(output.lines, ['a 2'])
  region.print('log line\n')
  assert.deepEqual(output.lines, ['log line', 'a 2'])
  lines = ['a 3', 'b 3', 'c 3']
  region.print('another\n')
  assert.deepEqual(output.lines, ['log line', 'another', 'a 3', 'b 3', 'c 3'])
  region.end()
  assert.deepEqual(output.lines, ['log line', 'another'])
})

test('lines that have not changed are not sent again', () => {
  const output = terminal()
  const region = openLiveRegion(output, () => ['same'])
  region.redraw()
  const { writes } = output
  region.redraw()
  assert.equal(output.writes, writes)
  region.end()
})

test('the last column and the last row are left free, as the terminal is now', () => {
  const output = terminal(30, 7)
  const sizes: unknown[] = []
  const region = openLiveRegion(output, (size) => {
    sizes.push(size)
    return []
  })
  region.redraw()
  output.columns = 20
  region.redraw()
  region.end()
  assert.deepEqual(sizes, [
    { columns: 29, rows: 6 },
    { columns: 19, rows: 6 },
  ])
})
