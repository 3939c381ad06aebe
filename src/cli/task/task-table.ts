import type { WireRecord, WireTask, WireTaskDetail } from '../../api/contract.ts'
import { formatSize } from '../../quantity/quantity.ts'
import { ellipsis, tabTable } from '../table.ts'

/** Characters of a source or reason that the table shows. */
const MAX_CELL = 80

/** The table of `task list`, as upstream prints it: scripts take the status from the fourth word. */
export function taskTable(tasks: readonly WireTask[]): string {
  return tabTable([
    ['ID', 'CREATED', 'STATUS', 'SOURCE', 'REASON'],
    ...tasks.map((task) => [
      task.id,
      timeCell(task.created),
      task.status,
      ellipsis(oneLine(task.source), MAX_CELL),
      ellipsis(oneLine(task.reason), MAX_CELL),
    ]),
  ])
}

/** A task and what happened to it: one member a line, its name first. */
export function detailTable(task: WireTaskDetail, history: readonly WireRecord[]): string {
  const members: [name: string, value: string | undefined][] = [
    ['ID', task.id],
    ['STATE', task.state],
    ['SOURCE', task.source],
    ['SOURCE DIGEST', task.source_digest],
    ['TARGET', task.target],
    ['TARGET DIGEST', task.target_digest],
    ['RULE', task.rule],
    ['CREATED', timeCell(task.created)],
    ['STARTED', task.started && timeCell(task.started)],
    ['FINISHED', task.finished.startsWith('0001') ? undefined : timeCell(task.finished)],
    ['ATTEMPTS', String(task.attempts)],
    ['NEXT ATTEMPT', task.next_attempt && timeCell(task.next_attempt)],
    ['SIZE', sizes(task)],
    ['REASON', task.reason || undefined],
    ['CODE', task.code],
    ['REMEDY', task.remedy],
  ]
  const rows = members.flatMap(([name, value]) =>
    value === undefined ? [] : [[name, oneLine(value)]],
  )
  const events = history.map(({ time, type, message = '' }) => [
    timeCell(time),
    type,
    oneLine(message),
  ])
  return `${tabTable(rows)}\n${tabTable([['TIME', 'EVENT', 'MESSAGE'], ...events])}`
}

function sizes({ source_size: source, target_size: target }: WireTask): string | undefined {
  return source === 0 ? undefined : `${formatSize(source)} -> ${formatSize(target)}`
}

function timeCell(time: string): string {
  return time.slice(0, 'yyyy-mm-ddThh:mm:ss'.length).replace('T', ' ')
}

/** A cell must not end its row or its column, nor move the cursor. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ')
}
