import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wireTask } from '../testing/service/wire-samples.ts'
import { taskTable } from './task/task-table.ts'
import { ellipsis, tabTable } from './table.ts'

const task = wireTask({
  created: '2022-04-06T06:45:11.832Z',
  source: '192.168.1.1/library/nginx:latest',
  status: 'COMPLETED',
  state: 'completed',
})

// What Go's text/tabwriter printed for these rows: NewWriter(out, 0, 8, 1, '\t', AlignRight), as upstream calls it.
test('the table of tasks is the one that upstream prints', () => {
  assert.equal(
    taskTable([
      task,
      {
        ...task,
        id: '5bdf7e80-1f1e-461f-a50d-f41d27434663',
        created: '2022-04-06T06:45:12Z',
        status: 'FAILED',
        source: 'localhost/é:1',
        reason: 'no such image',
      },
      {
        ...task,
        id: '5bdf7e80-1f1e-461f-a50d-f41d27434664',
        created: '2022-04-06T06:45:12.999Z',
        status: 'PROCESSING',
        source: 'localhost/library/something:1234567',
      },
    ]),
    'ID\t\t\t\t\tCREATED\t\t\tSTATUS\t\tSOURCE\t\t\t\t\tREASON\n' +
      '5bdf7e80-1f1e-461f-a50d-f41d27434662\t2022-04-06 06:45:11\tCOMPLETED\t192.168.1.1/library/nginx:latest\t\n' +
      '5bdf7e80-1f1e-461f-a50d-f41d27434663\t2022-04-06 06:45:12\tFAILED\t\tlocalhost/é:1\t\t\t\tno such image\n' +
      '5bdf7e80-1f1e-461f-a50d-f41d27434664\t2022-04-06 06:45:12\tPROCESSING\tlocalhost/library/something:1234567\t\n',
  )
  assert.equal(taskTable([]), 'ID\tCREATED\tSTATUS\tSOURCE\tREASON\n')
})

test('the fourth word of a line is the status, as scripts for upstream expect', () => {
  const [, line = ''] = taskTable([{ ...task, reason: 'several words' }]).split('\n')
  assert.equal(line.split(/\s+/)[3], 'COMPLETED')
})

test('a source or reason is cut at 80 characters and stays on its line', () => {
  const long = 'x'.repeat(81)
  const [, line = ''] = taskTable([
    { ...task, source: long, reason: `a\n\tb\x1b[31m${long}` },
  ]).split('\n')
  assert.match(line, new RegExp(`\\t${'x'.repeat(80)}\\.\\.\\.\\ta b \\[31mx{72}\\.\\.\\.$`))
})

test('a text that fits is left as it is', () => {
  assert.equal(ellipsis('x'.repeat(80), 80), 'x'.repeat(80))
  assert.equal(ellipsis('😀'.repeat(3), 2), '😀😀...')
})

test('a cell as wide as a tab stop is followed by a tab all the same', () => {
  assert.equal(
    tabTable([
      ['12345678', 'a'],
      ['1', 'b'],
    ]),
    '12345678\ta\n1\t\tb\n',
  )
})
